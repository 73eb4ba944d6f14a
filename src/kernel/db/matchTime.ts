import { type Column, eq, gt, gte, lt, lte, type SQL } from 'drizzle-orm';

// In the order of the wire's numbers: TimestampFilterMethod and TimestampQueryMethod number them alike.
export const timeComparisons = ['equals', 'after', 'afterOrEquals', 'before', 'beforeOrEquals'] as const;
export type TimeComparison = (typeof timeComparisons)[number];

/** How a search compares a time. */
export interface TimeMatch {
  comparison: TimeComparison;
  time: Date;
}

const comparisons = { equals: eq, after: gt, afterOrEquals: gte, before: lt, beforeOrEquals: lte };

export const matchTime = (column: Column, { comparison, time }: TimeMatch): SQL => comparisons[comparison](column, time);

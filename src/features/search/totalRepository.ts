import { type SQL, sql } from 'drizzle-orm';
import { instanceUserCounts, userCounts, users } from '../../kernel/db/schema.ts';
import { allHold, type Filter, onCounts } from './filter.ts';

/**
 * The exact total. By kind of user it is kept (`userCounts`). What is kept in part is counted in part: of "either" all but
 * the kept ones, and those for whom a condition does not hold, whom no index finds, are what remains without the others.
 */
export function totalOf(filters: readonly Filter[]): SQL {
  return keptCounts(filters) ?? keptInPart(filters) ?? remainder(filters) ?? countOf(filters);
}

/** The sum of the kept counts, where the filters ask for nothing else than they are kept by. */
function keptCounts(filters: readonly Filter[]): SQL | undefined {
  const counts = filters.some(({ on }) => on === 'organizations') ? userCounts : instanceUserCounts;
  const conditions = filters.map((filter) => onCounts(filter, counts));
  if (!conditions.every((condition) => condition !== undefined)) return undefined;
  const wanted = conditions.length > 0 ? sql.join(conditions, sql` and `) : sql`true`;
  return sql`(select coalesce(sum(${counts.total}), 0)::bigint from ${counts} where ${wanted})`;
}

/** Whom a person sees are those of its organizations or itself: millions that are kept, and one. */
function keptInPart(filters: readonly Filter[]): SQL | undefined {
  for (const either of filters) {
    if (either.on !== 'or') continue;
    const others = filters.filter((filter) => filter !== either);
    const [first, ...rest] = either.filters;
    const kept = first && keptCounts([...others, first]);
    if (!kept) continue;
    if (rest.length === 0) return kept;
    return sql`(${kept} + ${countOf([...others, { on: 'or', filters: rest }, { on: 'not', filter: first }])})`;
  }
  return undefined;
}

function remainder(filters: readonly Filter[]): SQL | undefined {
  const positive = filters.filter(({ on }) => on !== 'not');
  const negated = filters.flatMap((filter) => (filter.on === 'not' ? [filter.filter] : []));
  if (negated.length === 0) return undefined;
  return sql`(${totalOf(positive)} - ${totalOf([...positive, { on: 'or', filters: negated }])})`;
}

const countOf = (filters: readonly Filter[]): SQL => sql`(select count(*) from ${users} where ${allHold(filters)})`;

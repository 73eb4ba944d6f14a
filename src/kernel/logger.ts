import { type Logger, pino } from 'pino';

/**
 * The log: JSON lines on standard output. An error is written without the statement's parameters and without the row
 * that Postgres quotes: both hold what people entrusted to us.
 */
export const createLogger = (level: string): Logger => pino({ level, serializers: { err: plainError } });

export function plainError(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: typeof error };
  // Drizzle puts the parameters into its message; what the driver said below it is enough.
  const { cause } = error;
  if ('query' in error && 'params' in error)
    return { query: error.query, ...(cause !== undefined && { cause: plainError(cause) }) };
  return {
    type: error.name,
    message: error.message,
    ...('code' in error && { code: error.code }),
    ...('constraint_name' in error && { constraint: error.constraint_name }),
    stack: error.stack?.split('\n').slice(1),
    ...(cause !== undefined && { cause: plainError(cause) }),
  };
}

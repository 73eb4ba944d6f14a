import { createRequire } from 'node:module';
import { type Logger, pino } from 'pino';

/**
 * The log on standard output: lines for people in a terminal, JSON lines everywhere else. An error is written without the
 * statement's parameters and without the row that Postgres quotes: both hold what people entrusted to us.
 * @param fields Of every line.
 */
export function createLogger(level: string, fields: Record<string, unknown> = {}): Logger {
  const log = pino({ level, serializers: { err: plainError } }, process.stdout.isTTY ? linesForPeople() : undefined);
  return Object.keys(fields).length === 0 ? log : log.child(fields);
}

/** Loaded where somebody looks on: thirty modules. */
function linesForPeople() {
  const pretty: typeof import('pino-pretty') = createRequire(import.meta.url)('pino-pretty');
  return pretty.PinoPretty({ ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss', singleLine: true, sync: true });
}

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

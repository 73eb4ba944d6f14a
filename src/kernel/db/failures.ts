import postgres from 'postgres';

/** Drizzle wraps what the driver throws: the driver's own error, if there is one. */
function driverError(error: unknown): postgres.PostgresError | undefined {
  for (let e = error; e instanceof Error; e = e.cause) if (e instanceof postgres.PostgresError) return e;
  return undefined;
}

const uniqueViolation = '23505';
const foreignKeyViolation = '23503';

/** The name of the unique or foreign-key constraint that a statement ran into. */
export function violatedConstraint(error: unknown): string | undefined {
  const cause = driverError(error);
  return cause?.code === uniqueViolation || cause?.code === foreignKeyViolation ? cause.constraint_name : undefined;
}

// serialization_failure, deadlock_detected
const retryable = new Set(['40001', '40P01']);

export const isRetryable = (error: unknown): boolean => retryable.has(driverError(error)?.code ?? '');

// Class 08: connection; 28: its user or password; 3D000: no such database, as while a backup takes its place; 57P01-57P03:
// shutting down, crashed, starting; 53300: too many connections; 25006: a standby.
const awayCodes = /^(08...|28...|3D000|57P0[123]|53300|25006)$/;
// Of these, the ones after which Postgres closes the connection.
const lostCodes = /^(08...|57P0[12])$/;
const awayNames = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
]);

const codeOf = (error: Error) => ('code' in error ? String(error.code) : '');

/** Whether a statement failed because its connection ended under it, by Postgres' word or without one. */
export function isConnectionLost(error: unknown): boolean {
  for (let e = error; e instanceof Error; e = e.cause) {
    if (awayNames.has(codeOf(e)) || (e instanceof postgres.PostgresError && lostCodes.test(e.code))) return true;
  }
  return false;
}

/** Whether the database is away, as against a statement that it refused. */
export function isDatabaseAway(error: unknown): boolean {
  for (let e = error; e instanceof Error; e = e.cause) {
    if (awayNames.has(codeOf(e)) || (e instanceof postgres.PostgresError && awayCodes.test(e.code))) return true;
  }
  return false;
}

const queryCanceled = '57014';

/** Whether Postgres gave a statement up because it took too long. */
export const isTimedOut = (error: unknown): boolean => driverError(error)?.code === queryCanceled;

import { inTime } from '../inTime.ts';

/** What an operator may know of a database URL: everything but the password. */
interface Place {
  /** Host and port. */
  server: string;
  host: string;
  user: string;
  database: string;
}

/** By the code of Node, of postgres.js or of Postgres (its manual, appendix A). `message` is the server's own where it has one. */
const sentences: Record<string, (place: Place, message: string) => string> = {
  ECONNREFUSED: ({ server }) => `Nothing listens at ${server}. Start Postgres there, or correct host and port in DATABASE_URL.`,
  ENOTFOUND: ({ host }) => `The host ${host} is unknown. Correct it in DATABASE_URL, or look into name resolution.`,
  EAI_AGAIN: ({ host }) =>
    `Name resolution gave no answer for the host ${host}. Look into it, or put an address into DATABASE_URL.`,
  CONNECT_TIMEOUT: ({ server }) => `${server} does not answer. Check host and port in DATABASE_URL, and firewalls on the way.`,
  ECONNRESET: closed,
  EPIPE: closed,
  CONNECTION_CLOSED: closed,
  EPROTO: insecure,
  ERR_INVALID_URL: () => 'DATABASE_URL is not a URL. Write postgres://user:password@host:5432/database.',
  '28P01': ({ user, server }) => `${server} refuses the password of the user ${user}. Correct it in DATABASE_URL.`,
  '28000': ({ server }, message) =>
    `${server} refuses the connection: ${message}. Check the user in DATABASE_URL and the server's pg_hba.conf; ` +
    'should it want encryption, add ?sslmode=require.',
  '3D000': ({ database, server }) =>
    `There is no database ${database} at ${server}. Create it (CREATE DATABASE), or correct the name in DATABASE_URL.`,
  '53300': ({ server }) =>
    `${server} has no connection left. Lower ROSTER_DATABASE_POOL, raise max_connections of the server, or put pgbouncer in between.`,
  '57P03': ({ server }, message) => `${server} is not ready: ${message}. Try again when it is.`,
  '08P01': ({ server }, message) =>
    `${server} does not follow: ${message}. Check that DATABASE_URL leads to Postgres or pgbouncer.`,
};

/** Codes that stand for one of the above. */
const aliases: Record<string, string> = {
  ETIMEDOUT: 'CONNECT_TIMEOUT',
  EHOSTUNREACH: 'CONNECT_TIMEOUT',
  ENETUNREACH: 'CONNECT_TIMEOUT',
};

const certificateCodes = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/;

/**
 * One sentence or two on why there is no connection and what to do about it, without the password.
 * @param error As thrown; wrappers such as Drizzle's are looked through.
 * @returns undefined when the connection is not what is wrong.
 */
export function connectionProblem(error: unknown, url: string): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error ? String(error.code) : '';
  const name = aliases[code] ?? code;
  if (Object.hasOwn(sentences, name)) return sentences[name]?.(placeOf(url), error.message);
  if (certificateCodes.test(code)) return insecure(placeOf(url), error.message);
  return connectionProblem(error.cause, url);
}

/** Longer than one attempt to connect may take, which fails by itself. */
const answerMs = 15_000;

/**
 * Waits for the first statement on a connection. The driver tries for ever, and says nothing, when every connection is
 * accepted and closed again, as proxies do while there is no server behind them.
 * @throws an error that connectionProblem knows, after `ms` milliseconds.
 */
export const answerInTime = <T>(answer: Promise<T>, ms: number = answerMs): Promise<T> =>
  inTime(answer, ms, () => Object.assign(new Error('The database does not answer.'), { code: 'CONNECT_TIMEOUT' }));

function closed({ server }: Place): string {
  return (
    `${server} closed the connection. Check that it is a Postgres, that it runs, and that it offers encryption if ` +
    'DATABASE_URL asks for it (sslmode).'
  );
}

function insecure({ server }: Place, message: string): string {
  return (
    `No encrypted connection to ${server} came about: ${message}. For a certificate of your own authority, start with ` +
    'NODE_EXTRA_CA_CERTS set to its file; sslmode=require in DATABASE_URL encrypts without checking certificates.'
  );
}

function placeOf(text: string): Place {
  // Of several hosts, which URL's parser does not take, the first stands for all.
  const single = text.replace(/,[^/?@]*(?=[/?]|$)/, '');
  if (!URL.canParse(single))
    return { server: 'the database server', host: 'in DATABASE_URL', user: 'in DATABASE_URL', database: 'named' };
  const url = new URL(single);
  const user = decodeURIComponent(url.username);
  return { server: `${url.hostname}:${url.port || 5432}`, host: url.hostname, user, database: url.pathname.slice(1) || user };
}

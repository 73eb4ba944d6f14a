import { type Loss, member, text, usableHash } from './foreign.ts';

/** The password of a user in a form that is accepted here. */
export function auth0HashOf(user: unknown, losses: Loss[]): string | undefined {
  const custom = member(user, 'custom_password_hash');
  if (custom !== undefined) {
    const algorithm = text(custom, 'algorithm') ?? 'unknown';
    return usableHash(customHash(algorithm, custom), algorithm, losses);
  }
  const hash = text(user, 'passwordHash') ?? text(user, 'password_hash');
  return hash === undefined ? undefined : usableHash(hash, 'bcrypt', losses);
}

function customHash(algorithm: string, custom: unknown): string | undefined {
  const hash = member(custom, 'hash');
  const value = text(hash, 'value');
  const salt = member(custom, 'salt');
  // A key that belongs to no password, such as that of HMAC: nothing here takes one.
  if (value === undefined) return undefined;
  switch (algorithm) {
    case 'bcrypt':
    case 'argon2':
    case 'ldap':
      return value;
    case 'pbkdf2':
      return pbkdf2(value);
    case 'md5':
    case 'sha1':
    case 'sha256':
    case 'sha512':
      return digest(algorithm, decoded(hash), salt);
    case 'scrypt':
      return scrypt(hash, salt);
  }
  return undefined;
}

/** The PHC string `$pbkdf2-sha256$i=100000,l=32$salt$hash`; here the iterations stand alone. */
function pbkdf2(value: string): string | undefined {
  const [, digest, iterations, salt, hash] = /^\$pbkdf2-(sha\d+)\$i=(\d+)(?:,l=\d+)?\$([^$]+)\$([^$]+)$/.exec(value) ?? [];
  const marker = digest === 'sha1' ? 'pbkdf2' : `pbkdf2-${digest}`;
  return digest === undefined ? undefined : `$${marker}$${iterations}$${salt}$${hash}`;
}

const schemes: Record<string, string> = { sha1: '{SSHA}', sha256: '{SSHA256}', sha512: '{SSHA512}' };

/** One hash of the password alone, or next to a salt. */
function digest(algorithm: string, hash: Buffer | undefined, salt: unknown): string | undefined {
  const salted = decoded(salt);
  const position = text(salt, 'position') ?? 'suffix';
  if (!hash) return undefined;
  if (algorithm !== 'md5') {
    // LDAP's form has the salt behind the password only.
    return salted && position === 'suffix'
      ? `${schemes[algorithm]}${Buffer.concat([hash, salted]).toString('base64')}`
      : undefined;
  }
  if (!salted) return hash.toString('hex');
  return `$md5salted-${position}$${salted.toString('utf8')}$${hash.toString('base64')}`;
}

function scrypt(hash: unknown, salt: unknown): string | undefined {
  const key = decoded(hash);
  const salted = decoded(salt);
  const costLog2 = Math.log2(Number(member(hash, 'cost')));
  if (!key || !salted || !Number.isInteger(costLog2)) return undefined;
  const costs = `ln=${costLog2},r=${String(member(hash, 'blockSize'))},p=${String(member(hash, 'parallelization'))}`;
  return `$scrypt$${costs}$${salted.toString('base64')}$${key.toString('base64')}`;
}

/** The bytes of a `value` in its `encoding`. */
function decoded(part: unknown): Buffer | undefined {
  const value = text(part, 'value');
  if (value === undefined) return undefined;
  switch (text(part, 'encoding')) {
    case 'hex':
      return Buffer.from(value, 'hex');
    case 'base64':
      return Buffer.from(value, 'base64');
    case 'utf8':
    case undefined:
      return Buffer.from(value);
  }
  return undefined;
}

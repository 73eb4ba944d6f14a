import { encodeBase32, isObject, type Loss, list, member, text, usableHash } from './foreign.ts';
import type { UserRecord } from './record.ts';

/** The password and the authenticator app of a user; every other credential is told. */
export function credentialsOf(credentials: readonly unknown[], losses: Loss[]): Pick<UserRecord, 'passwordHash' | 'totpSecret'> {
  const found: Pick<UserRecord, 'passwordHash' | 'totpSecret'> = {};
  for (const credential of credentials) {
    const type = text(credential, 'type') ?? 'unknown';
    const secret = part(credential, 'secretData');
    const data = part(credential, 'credentialData');
    if (type === 'password' && found.passwordHash === undefined) {
      const algorithm = text(data, 'algorithm') ?? 'unknown';
      found.passwordHash = usableHash(hashOf(algorithm, secret, data), algorithm, losses);
    } else if (type === 'otp' && found.totpSecret === undefined) found.totpSecret = totpOf(secret, data, losses);
    else losses.push({ what: type, message: `A credential of type ${type} is not carried over.` });
  }
  return found;
}

/** These stand in the export as JSON within a text. */
function part(credential: unknown, key: string): object {
  const value = member(credential, key);
  if (isObject(value)) return value;
  try {
    const parsed: unknown = JSON.parse(String(value));
    return isObject(parsed) ? parsed : {};
  } catch {
    return {};
  }
}

const pbkdf2: Record<string, string> = {
  pbkdf2: 'pbkdf2',
  'pbkdf2-sha256': 'pbkdf2-sha256',
  'pbkdf2-sha512': 'pbkdf2-sha512',
};

function hashOf(algorithm: string, secret: object, data: object): string | undefined {
  const value = text(secret, 'value');
  const salt = text(secret, 'salt');
  const iterations = member(data, 'hashIterations');
  if (value === undefined || salt === undefined) return undefined;
  const marker = pbkdf2[algorithm];
  if (marker !== undefined) return `$${marker}$${String(iterations)}$${salt}$${value}`;
  if (algorithm !== 'argon2' || parameter(data, 'version') !== '1.3') return undefined;
  const costs = `m=${parameter(data, 'memory')},t=${String(iterations)},p=${parameter(data, 'parallelism')}`;
  return `$argon2${parameter(data, 'type')}$v=19$${costs}$${salt}$${value}`;
}

/** Each is a list of one text. */
function parameter(data: object, name: string): string {
  const [value] = list(member(data, 'additionalParameters'), name);
  return String(value);
}

function totpOf(secret: object, data: object, losses: Loss[]): string | undefined {
  const value = text(secret, 'value');
  const { subType, digits, period, algorithm } = Object.fromEntries(Object.entries(data));
  if (value !== undefined && subType === 'totp' && digits === 6 && period === 30 && algorithm === 'HmacSHA1')
    return text(data, 'secretEncoding') === 'BASE32' ? value : encodeBase32(Buffer.from(value));
  const kind = `${String(subType)}, ${String(algorithm)}, ${String(digits)} digits, ${String(period)} s`;
  losses.push({
    what: 'otp',
    message: `The one-time passwords (${kind}) are not carried over: only TOTP, SHA-1, 6 digits, 30 s.`,
  });
  return undefined;
}

import { createPublicKey, type JsonWebKey } from 'node:crypto';

/** RFC 8812, section 2. */
const shortestModulus = 2048;

/** A COSE key (RFC 9052, section 7) by its labels. */
type CoseKey = ReadonlyMap<unknown, unknown>;

/**
 * Whether a key can be one of its algorithm, as WebAuthn restricts them (Level 3, 5.8.5): what could never sign in would be
 * listed as a way to.
 */
export function isUsable(key: CoseKey): boolean {
  const jwk = jwkOf(key);
  if (!jwk) return false;
  try {
    // Refuses a point that is not on the curve.
    const { asymmetricKeyDetails } = createPublicKey({ key: jwk, format: 'jwk' });
    return (asymmetricKeyDetails?.modulusLength ?? shortestModulus) >= shortestModulus;
  } catch {
    return false;
  }
}

/** The type, the curve and the parameters that an algorithm asks for (RFC 9053, section 7; RFC 8230, section 4). */
function jwkOf(key: CoseKey): JsonWebKey | undefined {
  const [type, algorithm, curve] = [key.get(1), key.get(3), key.get(-1)];
  if (algorithm === -8 && type === 1 && curve === 6) return { kty: 'OKP', crv: 'Ed25519', x: bytesAt(key, -2) };
  if (algorithm === -7 && type === 2 && curve === 1) {
    return { kty: 'EC', crv: 'P-256', x: bytesAt(key, -2), y: bytesAt(key, -3) };
  }
  if (algorithm === -257 && type === 3) return { kty: 'RSA', n: bytesAt(key, -1), e: bytesAt(key, -2) };
  return undefined;
}

function bytesAt(key: CoseKey, label: number): string {
  const value = key.get(label);
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : '';
}

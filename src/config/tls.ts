import { createSecureContext } from 'node:tls';
import { Problem } from './parse.ts';

/** Both PEM; the certificate with its chain. */
export interface Tls {
  cert: string;
  key: string;
}

/** @throws Problem unless both are there, or neither, and they belong together. */
export function pairOf(cert: string | undefined, key: string | undefined): Tls | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) throw new Problem('ROSTER_TLS_CERT and ROSTER_TLS_KEY: set both or neither');
  try {
    createSecureContext({ cert, key });
  } catch {
    throw new Problem(
      'ROSTER_TLS_CERT and ROSTER_TLS_KEY: they have to be a certificate and its key without a passphrase, both PEM',
    );
  }
  return { cert, key };
}

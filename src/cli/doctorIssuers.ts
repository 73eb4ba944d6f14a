import { httpOf } from '../app.ts';
import type { Config } from '../config.ts';
import type { IssuerProblem } from '../kernel/auth/issuerKeys.ts';
import type { TrustedIssuer } from '../kernel/settings.ts';
import { type Check, Finding } from './finding.ts';

/** One for each trusted issuer: what the service fetches when the first token of it comes. */
export const issuerChecks = (config: Config): Check[] =>
  config.trustedIssuers.map((issuer) => ({ name: 'issuer', look: () => keysShown(config, issuer) }));

async function keysShown(config: Config, issuer: TrustedIssuer): Promise<string> {
  const { IssuerProblem, usableAlgorithms } = await import('../kernel/auth/issuerKeys.ts');
  const http = httpOf(config);
  try {
    const usable = await usableAlgorithms({ http }, issuer);
    if (usable.length === 0) throw new IssuerProblem('keys', `it shows no key for ${issuer.algorithms.join(', ')}`);
    return `${issuer.issuer} shows keys for ${usable.join(', ')}`;
  } catch (error) {
    if (error instanceof IssuerProblem) throw new Finding(`${issuer.issuer}: ${error.message}. ${advice[error.part]}`);
    throw error;
  } finally {
    await http.close();
  }
}

const advice: Record<IssuerProblem['part'], string> = {
  way:
    'Check issuer and jwksUri in ROSTER_TRUSTED_ISSUERS; a private address must stand in ROSTER_OUTGOING_PRIVATE, a certificate of ' +
    'your own authority goes into ROSTER_OUTGOING_CA.',
  discovery:
    'Write issuer in ROSTER_TRUSTED_ISSUERS as the document does, to the last slash; where it has none that is right, say in jwksUri ' +
    'where its keys are.',
  keys:
    'Set algorithms in ROSTER_TRUSTED_ISSUERS to what it signs with. Keys count that are public, for signatures, of 2048 bits at least ' +
    'with RSA, and, where there are several, have a kid each.',
};

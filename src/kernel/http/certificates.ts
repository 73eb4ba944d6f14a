import { getCACertificates } from 'node:tls';

/** The authorities that Node trusts, and these (PEM). */
export const trusted = (certificates: string): string[] => [...getCACertificates('default'), certificates];

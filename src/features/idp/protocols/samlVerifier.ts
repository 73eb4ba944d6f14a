// A program for a thread of its own: to look at what strangers may post takes up to half a second.
import { parentPort } from 'node:worker_threads';
import { SAML } from '@node-saml/node-saml';

/** Where signatures are: whichever there are, each must be right. */
export interface Signatures {
  response: boolean;
  assertion: boolean;
}

export interface Job {
  /** Of the field SAMLResponse. */
  encoded: string;
  /** PEM. */
  certificates: string[];
  audience: string;
  acs: string;
  signed: Signatures;
}

/** The text of the assertion that the signatures cover, or what is wrong. */
export type Verdict = { assertion: string } | { wrong: 'signature' | 'assertion' };

/** A signature of the response covers the assertion as well, and many providers sign nothing else. */
async function judge({ encoded, certificates, audience, acs, signed }: Job): Promise<Verdict> {
  const saml = new SAML({
    idpCert: certificates,
    issuer: audience,
    callbackUrl: acs,
    wantAuthnResponseSigned: signed.response,
    wantAssertionsSigned: signed.assertion,
    // Times, audience and request are checked by our own clock, in what this returns.
    acceptedClockSkewMs: -1,
    audience: false,
  });
  try {
    const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: encoded });
    const assertion = profile?.getAssertionXml?.();
    return assertion === undefined ? { wrong: 'signature' } : { assertion };
  } catch (error) {
    // Its words may hold a part of the response.
    return { wrong: error instanceof Error && /signature/i.test(error.message) ? 'signature' : 'assertion' };
  }
}

parentPort?.on('message', async (job: Job) => parentPort?.postMessage(await judge(job)));

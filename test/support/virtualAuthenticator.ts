// An authenticator inside the browser (WebAuthn Level 3, section 11), and what a page does with one.
import type { JsonObject } from '@bufbuild/protobuf';
import type { CDPSession, Page } from 'playwright-core';

export interface VirtualAuthenticator {
  /** Whether its owner shows that he is the one. */
  setVerified(isUserVerified: boolean): Promise<void>;
  /** How often the one key that it holds has signed, and how to say otherwise. */
  signCount(): Promise<number>;
  setSignCount(count: number): Promise<void>;
}

/** Built in, or plugged in. */
export async function addAuthenticator(page: Page, transport: 'internal' | 'usb'): Promise<VirtualAuthenticator> {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable', { enableUI: false });
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport,
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const onlyKey = () => keyOf(session, authenticatorId);
  return {
    setVerified: async (isUserVerified) => {
      await session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified });
    },
    signCount: async () => (await onlyKey()).signCount,
    setSignCount: async (signCount) => {
      const credential = { ...(await onlyKey()), signCount };
      await session.send('WebAuthn.clearCredentials', { authenticatorId });
      await session.send('WebAuthn.addCredential', { authenticatorId, credential });
    },
  };
}

async function keyOf(session: CDPSession, authenticatorId: string) {
  const { credentials } = await session.send('WebAuthn.getCredentials', { authenticatorId });
  const [key] = credentials;
  if (!key || credentials.length > 1) throw new Error(`the authenticator holds ${credentials.length} keys`);
  return key;
}

/** What a page would hand on of a key that it asks for: text of a script, as tests know no browser's types. */
export const createIn = (page: Page, options: JsonObject): Promise<JsonObject> =>
  page.evaluate<JsonObject>(`(async () => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(${JSON.stringify(options.publicKey)});
    return (await navigator.credentials.create({ publicKey })).toJSON();
  })()`);

/** And of one that signs in. */
export const getIn = (page: Page, options: JsonObject): Promise<JsonObject> =>
  page.evaluate<JsonObject>(`(async () => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(${JSON.stringify(options)});
    return (await navigator.credentials.get({ publicKey })).toJSON();
  })()`);

// The library, loaded with the first ceremony: with its certificates it weighs as much as the rest of the process' code.

/** Attestations name the maker of an authenticator. We ask for none and trust no maker, so no root is needed. */
const rooted = ['android-key', 'android-safetynet', 'apple', 'fido-u2f', 'packed', 'tpm'] as const;

let loading: ReturnType<typeof load> | undefined;

export function library(): ReturnType<typeof load> {
  loading ??= load();
  return loading;
}

async function load() {
  const [server, helpers] = await Promise.all([import('@simplewebauthn/server'), import('@simplewebauthn/server/helpers')]);
  // With a root it would ask the certificate's issuer over the network whether it was revoked.
  for (const identifier of rooted) server.SettingsService.setRootCertificates({ identifier, certificates: [] });
  return { ...server, ...helpers };
}

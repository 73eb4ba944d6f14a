// The library, loaded with the first ceremony: with its certificates it weighs as much as the rest of the process' code.

let loading: ReturnType<typeof load> | undefined;

export function library(): ReturnType<typeof load> {
  loading ??= load();
  return loading;
}

async function load() {
  const [server, helpers] = await Promise.all([import('@simplewebauthn/server'), import('@simplewebauthn/server/helpers')]);
  return { ...server, ...helpers };
}

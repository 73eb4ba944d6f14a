import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fromAuth0 } from './auth0.ts';
import { elementsIn } from './elements.ts';
import type { Converted } from './foreign.ts';
import { fromKeycloak } from './keycloak.ts';
import type { Providers } from './record.ts';

/** The users of a realm export of Keycloak: one file, or the folder of a realm with its files of users. */
export async function* usersOfKeycloak(path: string, providers: Providers): AsyncGenerator<Converted> {
  for (const file of await filesAt(path))
    for await (const user of elementsIn(createReadStream(file), 'users')) yield fromKeycloak(user, providers);
}

/** Whose users would be one heap. */
export class SeveralRealms extends Error {
  override name = 'SeveralRealms';

  constructor(realms: readonly string[]) {
    super(`The folder holds several realms (${realms.join(', ')}): give each a folder of its own.`);
  }
}

/** In the order of their names, with 2 before 10. */
async function filesAt(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => name.endsWith('.json'));
  const realms = names.filter((name) => name.endsWith('-realm.json'));
  if (realms.length > 1) throw new SeveralRealms(realms);
  return names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).map((name) => join(path, name));
}

/** The users of an export of Auth0, an object a line, or of a file for its import, a list. */
export async function* usersOfAuth0(path: string, providers: Providers): AsyncGenerator<Converted> {
  for await (const user of elementsIn(createReadStream(path))) yield fromAuth0(user, providers);
}

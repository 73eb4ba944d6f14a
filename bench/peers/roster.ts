// The service itself, asked the way that the peer is asked.
import { join } from 'node:path';
import type { Checked } from '../calls.ts';
import { type Case, casesFor } from '../cases.ts';
import { checked } from '../http1.ts';
import { prepareData } from '../load.ts';
import { startService, type Target } from '../service.ts';
import type { Operations, Peer } from './peer.ts';

export interface Ours {
  target: Target;
  operations: Operations;
  postgresVersion: string;
}

export async function startOurs(
  data: string,
  users: number,
  protocol: Peer['protocol'],
  say: (text: string) => void,
): Promise<Ours> {
  const dataDir = join(data, String(users));
  const { organizations, postgresVersion } = await prepareData(dataDir, users, say);
  const cases = casesFor(users, organizations[0] ?? '', Date.now().toString(36));
  return { target: await startService({ dataDir }), operations: operationsOf(cases, protocol), postgresVersion };
}

export function operationsOf(cases: readonly Case[], protocol: Peer['protocol']): Operations {
  const asked = (key: string): Checked => {
    const found = cases.find((one) => one.key === key);
    if (!found) throw new Error(`no case ${key}`);
    return protocol === 'grpc' ? found : overConnect(found);
  };
  return { lookup: asked('get'), list: asked('first'), create: asked('create') };
}

/** With JSON over HTTP/1.1. */
const overConnect = ({ path, json }: Case): Checked =>
  checked((n) => ({ method: 'POST', path, type: 'application/json', body: json.request(n) }), json.verify);

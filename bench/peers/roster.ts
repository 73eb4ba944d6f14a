// The service itself, asked the way that the peer is asked.
import { join } from 'node:path';
import type { Checked } from '../calls.ts';
import { type Case, casesFor } from '../cases.ts';
import { prepareData } from '../load.ts';
import { overConnect } from '../protocols.ts';
import { startService, type Target } from '../service.ts';
import type { Operations, Peer } from './peer.ts';

export interface Ours {
  target: Target;
  operations: Operations;
  postgresVersion: string;
}

interface Setting {
  data: string;
  users: number;
  protocol: Peer['protocol'];
  say: (text: string) => void;
  /** What to do at the end, the last first. */
  closing: (() => Promise<void>)[];
}

export async function startOurs({ data, users, protocol, say, closing }: Setting): Promise<Ours> {
  const dataDir = join(data, String(users));
  const { organizations, postgresVersion } = await prepareData(dataDir, users, say);
  const cases = casesFor(users, organizations[0] ?? '', Date.now().toString(36));
  const target = await startService({ dataDir });
  closing.push(target.stop);
  return { target, operations: operationsOf(cases, protocol), postgresVersion };
}

export function operationsOf(cases: readonly Case[], protocol: Peer['protocol']): Operations {
  const asked = (key: string): Checked => {
    const found = cases.find((one) => one.key === key);
    if (!found) throw new Error(`no case ${key}`);
    return protocol === 'grpc' ? found : overConnect(found);
  };
  return { lookup: asked('get'), list: asked('first'), create: asked('create') };
}

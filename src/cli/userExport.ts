import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { exportUsers } from '../features/transfer/export.ts';
import { lineOf, maximumLine, type UserRecord } from '../features/transfer/record.ts';
import { operatorCall } from '../system.ts';
import { type Command, type Given, type Operator, Usage } from './command.ts';
import { Pace } from './pace.ts';

const ownerOnly = 0o600;

export const userExport: Command = {
  name: 'user export',
  help: 'write users as "user import" reads them, one JSON object a line, all as they are at one moment',
  options: {
    organization: { value: 'ID', help: 'the users of this organization alone, for whatever organization they are imported into' },
    user: { value: 'ID', help: 'this user alone, with metadata: what is held of a person' },
    out: { value: 'FILE', help: 'where to, readable by its owner only; standard output when left out' },
    'with-secrets': { help: 'with password hashes, TOTP secrets and metadata, for moving to another instance' },
  },
  run: runExport,
};

async function runExport({ open, tell, stop }: Operator, given: Given): Promise<number> {
  if (given.user !== undefined && given.organization !== undefined)
    throw new Usage('--user and --organization exclude each other.');
  const secrets = given['with-secrets'] !== undefined;
  const options = { selection: selectionOf(given), secrets, metadata: secrets || given.user !== undefined };
  const call = operatorCall(await open());
  if (secrets) tell('WITH SECRETS: password hashes, TOTP secrets and metadata. Who reads this can sign in as these people.');
  const output = given.out === undefined ? standardOutput() : fileOutput(given.out);
  const pace = new Pace(tell);
  let done = 0;
  try {
    const total = await exportUsers(call, options, async (records) => {
      stop.throwIfAborted();
      for (const { userId } of records.filter(isTooLong)) tell(`User ${userId} takes a longer line than an import accepts.`);
      await output.write(records.map(lineOf).join(''));
      done += records.length;
      pace.tell(done, 'exported');
    });
    await output.end();
    tell(`Users exported${given.out === undefined ? '' : ` to ${given.out}`}: ${total} (${pace.rate(total)} a second).`);
    return 0;
  } catch (error) {
    await output.discard();
    if (isUnread(error)) return 1;
    if (!stop.aborted) throw error;
    tell('Stopped; nothing was kept.');
    return 1;
  }
}

function selectionOf({ user, organization }: Given) {
  if (user !== undefined) return { of: 'user', id: user } as const;
  return organization === undefined ? ({ of: 'instance' } as const) : ({ of: 'organization', id: organization } as const);
}

const isTooLong = (record: UserRecord) => Buffer.byteLength(lineOf(record)) - 1 > maximumLine;

interface Output {
  write(text: string): Promise<void>;
  end(): Promise<void>;
  discard(): Promise<void>;
}

function standardOutput(): Output {
  // Told to whoever writes, below.
  process.stdout.on('error', () => {});
  return { write: (text) => written(process.stdout, text), end: async () => {}, discard: async () => {} };
}

/** Whether the program that reads the output has seen enough, as `head` does. */
const isUnread = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'EPIPE';

/** Appears under its name when it is whole. */
function fileOutput(path: string): Output {
  const draft = `${path}.part`;
  const file = createWriteStream(draft, { mode: ownerOnly });
  return {
    write: (text) => written(file, text),
    end: async () => {
      file.end();
      await once(file, 'close');
      await rename(draft, path);
    },
    discard: async () => {
      file.destroy();
      await rm(draft, { force: true });
    },
  };
}

/** Resolves when there is room for more; rejects when nothing more can be written. */
const written = (stream: Writable, text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });

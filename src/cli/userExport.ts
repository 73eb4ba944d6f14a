import { open, rename, rm } from 'node:fs/promises';
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

async function runExport({ open: openApp, tell, stop }: Operator, given: Given): Promise<number> {
  if (given.user !== undefined && given.organization !== undefined)
    throw new Usage('--user and --organization exclude each other.');
  const secrets = given['with-secrets'] !== undefined;
  const options = { selection: selectionOf(given), secrets, metadata: secrets || given.user !== undefined };
  const call = operatorCall(await openApp());
  if (secrets) tell('WITH SECRETS: password hashes, TOTP secrets and metadata. Who reads this can sign in as these people.');
  const output = given.out === undefined ? standardOutput() : await fileOutput(given.out);
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
    if (!stop.aborted && !(error instanceof OutputFailed)) throw error;
    if (stop.aborted) tell('Stopped; nothing was kept.');
    else if (error instanceof OutputFailed && !error.unread) tell(`The users could not be written: ${error.message}.`);
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
  return { write: written, end: async () => {}, discard: async () => {} };
}

/** Resolves when there is room for more. */
const written = (text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(new OutputFailed(error)) : resolve()));
  });

/** The output takes no more. Not the system's error itself, whose code would pass for a lost connection to the database. */
class OutputFailed extends Error {
  override name = 'OutputFailed';
  /** Whether the program that reads it has seen enough, as `head` does. */
  readonly unread: boolean;

  constructor(cause: Error) {
    super(cause.message);
    this.unread = 'code' in cause && cause.code === 'EPIPE';
  }
}

/** Appears under its name when it is whole. */
async function fileOutput(path: string): Promise<Output> {
  const draft = `${path}.part`;
  const file = await open(draft, 'w', ownerOnly).catch((error: Error) => {
    throw new Usage(`--out ${path} cannot be written: ${error.message}.`);
  });
  return {
    write: (text) =>
      file.writeFile(text).catch((error: Error) => {
        throw new OutputFailed(error);
      }),
    end: async () => {
      await file.close();
      await rename(draft, path);
    },
    discard: async () => {
      await file.close();
      await rm(draft);
    },
  };
}

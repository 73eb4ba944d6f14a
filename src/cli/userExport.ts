import { exportUsers } from '../features/transfer/export.ts';
import { lineOf, maximumLine, type UserRecord } from '../features/transfer/record.ts';
import { operatorCall } from '../system.ts';
import { type Command, type Given, type Operator, Usage } from './command.ts';
import { OutputFailed, openOutput, standardOutput } from './output.ts';
import { Pace } from './pace.ts';

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

async function runExport({ open, stdout, tell, stop }: Operator, given: Given): Promise<number> {
  if (given.user !== undefined && given.organization !== undefined)
    throw new Usage('--user and --organization exclude each other.');
  const secrets = given['with-secrets'] !== undefined;
  const options = { selection: selectionOf(given), secrets, metadata: secrets || given.user !== undefined };
  const call = operatorCall(await open());
  if (secrets) tell('WITH SECRETS: password hashes, TOTP secrets and metadata. Who reads this can sign in as these people.');
  const output = given.out === undefined ? standardOutput(stdout) : await openOutput('--out', given.out);
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

import { SeveralRealms, usersOfAuth0, usersOfKeycloak } from '../features/transfer/convertUsers.ts';
import type { Loss } from '../features/transfer/foreign.ts';
import { lineOf } from '../features/transfer/record.ts';
import { toldBy } from '../kernel/errors.ts';
import { type Command, type Given, type Operator, Usage } from './command.ts';
import { type Output, OutputFailed, openOutput } from './output.ts';
import { Pace } from './pace.ts';
import { providersOf } from './providers.ts';

const options = {
  out: { value: 'FILE', help: 'where to, readable by its owner only: it holds password hashes' },
  report: {
    value: 'FILE',
    help: 'where it is told what of each user could not be carried over; OUT.report.ndjson when left out',
  },
  provider: { value: 'NAME=ID,…', help: 'ids here of the identity providers that people are linked with there' },
};

export const convertCommands: readonly Command[] = [
  {
    name: 'user convert keycloak',
    argument: 'PATH',
    help: 'turn a realm export, a file or a folder with its files, into a file for "user import"',
    options,
    run: (operator, given, path) => convert(operator, given, path, usersOfKeycloak),
  },
  {
    name: 'user convert auth0',
    argument: 'FILE',
    help: 'turn an export or import file of Auth0, .json or .ndjson, into a file for "user import"',
    options,
    run: (operator, given, path) => convert(operator, given, path, usersOfAuth0),
  },
];

async function convert({ tell, stop }: Operator, given: Given, path: string, usersOf: typeof usersOfKeycloak): Promise<number> {
  const { out, report = `${out}.report.ndjson` } = given;
  if (out === undefined) throw new Usage('Say where to: --out FILE.');
  const providers = providersOf(given.provider);
  const outputs = [await openOutput('--out', out), await openOutput('--report', report)] as const;
  try {
    const { total, losses } = await write(usersOf(path, providers), outputs, new Pace(tell), stop);
    for (const output of outputs) await output.end();
    tell(`Users written to ${out}: ${total}.`);
    for (const [what, count] of losses) tell(`Not carried over as it was: ${what}, of ${count} users.`);
    if (losses.size > 0) tell(`Who lost what: ${report}`);
    return 0;
  } catch (error) {
    for (const output of outputs) await output.discard();
    return failed(error, path, tell);
  }
}

interface Written {
  total: number;
  /** Users by what they lost. */
  losses: Map<string, number>;
}

async function write(
  users: ReturnType<typeof usersOfKeycloak>,
  [lines, report]: readonly [Output, Output],
  pace: Pace,
  stop: AbortSignal,
): Promise<Written> {
  const written: Written = { total: 0, losses: new Map() };
  for await (const { record, losses } of users) {
    stop.throwIfAborted();
    written.total++;
    await lines.write(lineOf(record));
    const { userId, username = record.email } = record;
    const told = losses.map((loss: Loss) => `${JSON.stringify({ line: written.total, userId, username, ...loss })}\n`);
    if (told.length > 0) await report.write(told.join(''));
    for (const what of new Set(losses.map((loss) => loss.what))) written.losses.set(what, (written.losses.get(what) ?? 0) + 1);
    pace.tell(written.total, 'converted');
  }
  return written;
}

function failed(error: unknown, path: string, tell: (line: string) => void): number {
  const told = toldBy(error);
  if (told) tell(`Not done. ${path} is not an export that can be read: ${told.reason}.`);
  else if (error instanceof OutputFailed || error instanceof SeveralRealms) tell(`Not done. ${error.message}`);
  else if (error instanceof Error && error.name === 'AbortError') tell('Stopped; nothing was kept.');
  else if (error instanceof Error && 'syscall' in error) tell(`Not done. ${error.message}.`);
  else throw error;
  return 1;
}

// Runs the examples against a Roster of its own, and says of each whether it ran.
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { execute } from './execute.ts';
import { startOwnRoster } from './ownRoster.ts';
import { type Command, type Example, examplesWith, variablesOf } from './programs.ts';
import { createServiceUser, type ServiceUser } from './serviceUser.ts';

const folder = import.meta.dirname;
const cache = join(folder, '..', 'node_modules', '.cache', 'roster-examples');
const examples = examplesWith(cache);
const help = `run-all [NAME …]  runs the examples, or those that are named: ${examples.map(({ name }) => name).join(', ')}

Starts a Roster of its own in a temporary folder, makes a service user in it, and runs each example with each way to sign in.
A line for each: ran, could not (a program that is not installed, a package registry that does not answer), or FAILED with
its output. Exit code 1 if any failed. Ctrl-C ends everything.

What is built stays in ${cache},
packages in the caches that go, pip and cargo have anyway, the browser of "web" in the temporary folder. Nothing else is left.`;

/** Milliseconds: compiling takes minutes where nothing is cached. */
const limits = { prepare: 30 * 60_000, run: 60_000 };

type Outcome = { kind: 'ran' } | { kind: 'could not' | 'FAILED'; why: string };

/** What preparing says where it needs the network and there is none. */
const offline =
  /no such host|dial tcp|refused|resolve host|name resolution|connect to|from versions: none|unreachable|timed out/i;

const steps = /^created +\d+\nverified .+\nfound +ada-.+\nlocked +\d+\ndeleted +\d+\nrefused +USER_NOT_FOUND\n$/m;

async function tryOut(example: Example, own: OwnPlace, stop: AbortSignal): Promise<Outcome> {
  const command = ({ program, args, folder: inside = '' }: Command, env: NodeJS.ProcessEnv, limit: number) =>
    execute(program, args, { cwd: join(folder, inside), env, stop: AbortSignal.any([stop, AbortSignal.timeout(limit)]) });

  for (const [program, ...args] of example.needs) {
    const { code } = await command({ program, args }, {}, limits.run);
    if (code !== 0) return { kind: 'could not', why: `needs ${program}` };
  }
  for (const step of example.prepare) {
    const { code, output } = await command(step, {}, limits.prepare);
    if (code === 0) continue;
    const unanswered = output.split('\n').find((line) => offline.test(line));
    if (unanswered) return { kind: 'could not', why: `the package registry does not answer: ${unanswered}` };
    return { kind: 'FAILED', why: output };
  }
  for (const signIn of example.signIns) {
    // Roster is on this machine, whatever proxy the package registries are behind.
    const env = { no_proxy: 'localhost', ROSTER_URL: own.url, PORT: String(own.pagePort), ...variablesOf(signIn, own.user) };
    const { code, output } = await command(example.run, env, limits.run);
    if (code !== 0 || !steps.test(output)) return { kind: 'FAILED', why: `signed in by ${signIn}:\n${output}` };
  }
  return { kind: 'ran' };
}

interface OwnPlace {
  url: string;
  user: ServiceUser;
  /** Where Roster lets a page call it from. */
  pagePort: number;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}

/** Returns whether none failed. */
async function runThem(chosen: readonly Example[], stop: AbortSignal): Promise<boolean> {
  const pagePort = await freePort();
  const roster = await startOwnRoster({ ROSTER_CORS_ORIGINS: `http://localhost:${pagePort}` });
  const stubs = join(folder, 'go', 'gen');
  const hadStubs = existsSync(stubs);
  try {
    const own = { url: roster.url, pagePort, user: await createServiceUser(roster) };
    await mkdir(cache, { recursive: true });
    let good = true;
    for (const example of chosen) {
      const begun = performance.now();
      const outcome = await tryOut(example, own, stop);
      if (stop.aborted) return false;
      const seconds = `${((performance.now() - begun) / 1000).toFixed(1)} s`;
      const more = outcome.kind === 'ran' ? `${seconds}, signed in by ${example.signIns.join(', ')}` : outcome.why.trim();
      console.log(`${outcome.kind.padEnd(9)} ${example.name.padEnd(10)} ${more}`);
      good &&= outcome.kind !== 'FAILED';
    }
    return good;
  } finally {
    await roster.close();
    if (!hadStubs) await rm(stubs, { recursive: true, force: true });
  }
}

// What leads an example elsewhere.
for (const name of Object.keys(process.env)) if (name.startsWith('ROSTER_')) delete process.env[name];

const names = process.argv.slice(2);
const unknown = names.filter((name) => !examples.some((example) => example.name === name));
if (unknown.length > 0) {
  const asked = unknown.includes('--help') || unknown.includes('-h');
  console.log(asked ? help : `There is no example ${unknown.join(', ')}.\n\n${help}`);
  process.exit(asked ? 0 : 2);
}
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort(signal));
const good = await runThem(
  examples.filter(({ name }) => names.length === 0 || names.includes(name)),
  stopping.signal,
);
process.exit(good ? 0 : 1);

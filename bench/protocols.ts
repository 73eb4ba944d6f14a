// The calls that matter most over each protocol, beside the least that Node and Postgres can do in the same run: a bare answer of
// the same length over the same version of HTTP, and the call's database work alone.
import type { Checked } from './calls.ts';
import type { Case } from './cases.ts';
import { type DatabaseWork, databaseWork, meanCpu } from './floors.ts';
import { checked, type Exchange } from './http1.ts';
import { merged, perRequest, type Sample, slice, type Work, warmUp } from './measure.ts';
import { userId } from './people.ts';
import { type Cpu, startBare, startService, type Target } from './service.ts';

export interface ProtocolRow {
  name: string;
  protocol: string;
  callers: number;
  own: Sample;
  /** Milliseconds of CPU of a bare answer, and of the database work. */
  answer: number;
  database: Cpu;
}

interface Protocol {
  name: string;
  bare: 'bare.ts' | 'bareHttp1.ts';
  form: 'binary' | 'json';
  ask(of: Case, users: number): Checked;
}

const overWeb = ({ path, request, verify }: Case): Checked =>
  checked(
    (n) => ({ method: 'POST', path, type: 'application/grpc-web+proto', body: request(n) }),
    (answer, n) => verify(answer.subarray(prefixBytes, prefixBytes + answer.readUInt32BE(1)), n),
  );

const prefixBytes = 5;

export const overConnect = ({ path, json }: Case): Checked =>
  checked((n) => ({ method: 'POST', path, type: 'application/json', body: json.request(n) }), json.verify);

function overRest({ key, json }: Case, users: number): Checked {
  const posting = (path: string) => (n: number) => ({ method: 'POST', path, type: 'application/json', body: json.request(n) });
  const exchanges: Record<string, (n: number) => Exchange> = {
    get: (n) => ({ method: 'GET', path: `/v2/users/${userId(n, users)}` }),
    first: posting('/v2/users'),
    create: posting('/v2/users/new'),
  };
  const exchange = exchanges[key];
  if (!exchange) throw new Error(`no path for ${key}`);
  return checked(exchange, json.verify);
}

const protocols: readonly Protocol[] = [
  { name: 'gRPC', bare: 'bare.ts', form: 'binary', ask: (of) => of },
  { name: 'gRPC-Web', bare: 'bareHttp1.ts', form: 'binary', ask: overWeb },
  { name: 'Connect, JSON', bare: 'bareHttp1.ts', form: 'json', ask: overConnect },
  { name: 'REST', bare: 'bareHttp1.ts', form: 'json', ask: overRest },
];

const works: Record<string, DatabaseWork['work']> = { get: 'get', first: 'page', create: 'create' };
const rounds = 2;

export interface Run {
  dataDir: string;
  users: number;
  callers: readonly number[];
  seconds: number;
  say(text: string): void;
}

export async function measureProtocols(cases: readonly Case[], run: Run): Promise<ProtocolRow[]> {
  const target = await startService({ dataDir: run.dataDir });
  const rows: ProtocolRow[] = [];
  for (const of of cases) {
    const work = works[of.key];
    if (work) rows.push(...(await measureCall(of, work, target, run)));
  }
  await target.stop();
  return rows;
}

async function measureCall(of: Case, work: DatabaseWork['work'], target: Target, run: Run): Promise<ProtocolRow[]> {
  const { users, seconds } = run;
  const page = work === 'page' ? await answerOf(of, target) : undefined;
  const subjects = [];
  for (const protocol of protocols) {
    const asked = protocol.ask(of, users);
    const bare = await startBare(protocol.bare, (await answerOf(asked, target)).length);
    await warmUp({ target, users, of: asked }, seconds);
    await slice({ target: bare, users, of: asked }, Math.max(...run.callers), seconds / rounds);
    subjects.push({ protocol, own: { target, users, of: asked }, least: { target: bare, users, of: asked } });
  }
  const rows: ProtocolRow[] = [];
  for (const callers of run.callers) {
    const floor = (form: Protocol['form']) =>
      databaseWork(target, { ...run, work, callers, seconds: seconds / rounds, page, form: work === 'page' ? form : 'binary' });
    const forms: readonly Protocol['form'][] = work === 'page' ? ['binary', 'json'] : ['binary'];
    const floors = { binary: [] as Cpu[], json: [] as Cpu[] };
    for (const form of forms) floors[form].push(await floor(form));
    const samples = [];
    for (const { protocol, own, least } of subjects) samples.push({ protocol, ...(await inTurns(own, least, callers, seconds)) });
    for (const form of forms) floors[form].push(await floor(form));
    for (const { protocol, own, answer } of samples) {
      const database = meanCpu(floors[work === 'page' ? protocol.form : 'binary']);
      rows.push({ name: of.name, protocol: protocol.name, callers, own, answer, database });
    }
    run.say(`${of.name}, ${callers} callers, over each protocol`);
  }
  for (const { least } of subjects) await least.target.stop();
  return rows;
}

async function inTurns(work: Work, bare: Work, callers: number, seconds: number): Promise<{ own: Sample; answer: number }> {
  const own: Sample[] = [];
  const least: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    own.push(await slice(work, callers, seconds / rounds));
    least.push(await slice(bare, callers, seconds / rounds));
  }
  return { own: merged(own), answer: perRequest(merged(least)).server };
}

async function answerOf(of: Checked, target: Target): Promise<Buffer> {
  const caller = of.open(target, 1);
  return await caller.call(0, true).finally(caller.close);
}

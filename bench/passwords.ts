// Changing passwords: how many a second beside what their hashes cost alone, and what reading feels of it meanwhile.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { create, toBinary } from '@bufbuild/protobuf';
import { CreateUserRequestSchema, SetPasswordRequestSchema, UserService } from '../gen/zitadel/user/v2/user_service_pb.ts';
import { framed, open } from './calls.ts';
import type { Case } from './cases.ts';
import { createdPrefix } from './load.ts';
import { merged, percentile, type Sample, slice } from './measure.ts';
import type { Target } from './service.ts';

export interface Passwords {
  /** Changes in a second, and pairs of hashes without anything else. */
  perSecond: number;
  raw: number;
  /** GetUserByID, alone and beside the changes. */
  idle: Sample;
  busy: Sample;
}

const changers = 32;
const readers = 4;
const rounds = 3;
const pathOf = (method: { name: string }) => `/${UserService.typeName}/${method.name}`;

/**
 * The people's addresses are not verified, so that no mail tells of the changes: it leaves on its own, at a cost of its own.
 * @param reading GetUserByID.
 */
export async function measurePasswords(
  target: Target,
  { users, organizationId, run, seconds, reading }: Parameters & { reading: Case },
): Promise<Passwords> {
  const ids = Array.from({ length: changers }, (_, n) => `${createdPrefix}${run}-password-${n}`);
  await createPeople(target, organizationId, ids);
  const read = () => slice({ target, users, of: reading }, readers, seconds);
  const samples = { raw: [] as number[], perSecond: [] as number[], idle: [] as Sample[], busy: [] as Sample[] };
  for (let round = 0; round < rounds; round++) {
    samples.idle.push(await read());
    const beside = startChanging(target, ids);
    samples.busy.push(await read());
    await beside.stop();
    const alone = startChanging(target, ids);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    samples.perSecond.push(await alone.stop());
    samples.raw.push((await rawPairs(seconds)).perSecond);
  }
  return { perSecond: mean(samples.perSecond), raw: mean(samples.raw), idle: merged(samples.idle), busy: merged(samples.busy) };
}

export interface Parameters {
  users: number;
  organizationId: string;
  /** Differs from run to run. */
  run: string;
  seconds: number;
}

export const mean = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

export const passwordOf = (version: number) => `Correct-Horse-${version}`;

export async function createPeople(target: Target, organizationId: string, ids: readonly string[]): Promise<void> {
  const connections = open(target, 1);
  for (const userId of ids) {
    const value = {
      profile: { givenName: 'Newly', familyName: 'Created' },
      email: { email: `${userId}@example.com`, verification: { case: 'isVerified', value: false } },
      passwordType: { case: 'password', value: { password: passwordOf(0) } },
    } as const;
    const request = { organizationId, userId, username: userId, userType: { case: 'human', value } } as const;
    const body = framed(toBinary(CreateUserRequestSchema, create(CreateUserRequestSchema, request)));
    await connections.call(pathOf(UserService.method.createUser), body);
  }
  connections.close();
}

const versions = new Map<string, number>();

/** Each person changes the own password again and again. `stop` ends that and tells how many a second there were. */
export function startChanging(target: Target, ids: readonly string[]): { stop(): Promise<number> } {
  const connections = open(target, ids.length);
  const started = performance.now();
  let stopping = false;
  let changes = 0;
  const change = async (userId: string) => {
    while (!stopping) {
      const version = versions.get(userId) ?? 0;
      const newPassword = { password: passwordOf(version + 1) };
      const verification = { case: 'currentPassword', value: passwordOf(version) } as const;
      const request = create(SetPasswordRequestSchema, { userId, newPassword, verification });
      await connections.call(pathOf(UserService.method.setPassword), framed(toBinary(SetPasswordRequestSchema, request)));
      versions.set(userId, version + 1);
      changes++;
    }
  };
  const running = Promise.all(ids.map(change));
  return {
    async stop() {
      const perSecond = changes / ((performance.now() - started) / 1000);
      stopping = true;
      await running;
      connections.close();
      return perSecond;
    },
  };
}

export async function rawPairs(seconds: number): Promise<{ perSecond: number; cpuMs: number }> {
  const program = fileURLToPath(new URL('hashes.ts', import.meta.url));
  const child = spawn(process.execPath, [program, String(seconds)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return JSON.parse(output);
}

/** How many times as long as alone reading takes beside the changes, for 99 of 100. */
export const slowdown = ({ idle, busy }: Passwords): number => percentile(busy, 0.99) / percentile(idle, 0.99);

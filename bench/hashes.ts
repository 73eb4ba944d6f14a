// The least that a change of password can cost: two argon2id computations, of the password before and of the new one, on
// as many threads as there are cores. Takes the seconds to run, prints how many such pairs it did in a second, and the
// milliseconds of CPU of each.
import { availableParallelism } from 'node:os';
import { hash, verify } from '@node-rs/argon2';
import { hashPassword } from '../src/kernel/crypto/hashes/hashes.ts';

const seconds = Number(process.argv[2] ?? '5');
const password = 'Correct-Horse-1';
// What the service makes says what it costs.
const stored = await hashPassword(password);
const [, memory, passes, lanes] = /m=(\d+),t=(\d+),p=(\d+)/.exec(stored) ?? [];
const cost = { memoryCost: Number(memory), timeCost: Number(passes), parallelism: Number(lanes) };

const started = performance.now();
const before = process.cpuUsage();
let pairs = 0;

async function work(): Promise<void> {
  while (performance.now() - started < seconds * 1000) {
    await verify(stored, password);
    await hash(password, cost);
    pairs++;
  }
}

await Promise.all(Array.from({ length: availableParallelism() }, work));
const { user, system } = process.cpuUsage(before);
const perSecond = pairs / ((performance.now() - started) / 1000);
console.log(JSON.stringify({ perSecond, cpuMs: (user + system) / 1000 / pairs }));

import { hash as digestOf } from 'node:crypto';
import { encodeCrypt64, equalText } from './encoding.ts';

/** Unix crypt using SHA-256 and SHA-512, by Ulrich Drepper (SHA-crypt.txt); the steps below carry its numbers. */
export type ShaCryptHash = {
  kind: 'shaCrypt';
  hash: 'sha256' | 'sha512';
  rounds: number;
  salt: string;
  digest: string;
};

/** The specification's count where the string names none. */
const defaultRounds = 5_000;

/** A salt is printable text without the separators of hash strings and password files. */
const pattern = /^\$([56])\$(?:rounds=([1-9]\d{0,8})\$)?(?!rounds=)([!-#%-9;-~]{0,16})\$([./0-9A-Za-z]{43}|[./0-9A-Za-z]{86})$/;

export function parseShaCrypt(encoded: string): ShaCryptHash | undefined {
  const match = pattern.exec(encoded);
  if (!match) return undefined;
  const [, marker, rounds, salt = '', digest = ''] = match;
  const hash = marker === '5' ? 'sha256' : 'sha512';
  if (digest.length !== Math.ceil((outputs[hash].bytes * 8) / 6)) return undefined;
  return { kind: 'shaCrypt', hash, rounds: rounds === undefined ? defaultRounds : Number(rounds), salt, digest };
}

/** Blocks the thread: for workers. */
export function matchesShaCrypt(hash: ShaCryptHash, password: Uint8Array): boolean {
  const output = stretch(hash, password);
  return equalText(encodeCrypt64(Uint8Array.from(outputs[hash.hash].order, (at) => output[at] ?? 0)), hash.digest);
}

/** Steps 1 to 20: what the rounds start from. */
function start(hash: ShaCryptHash, password: Uint8Array) {
  const salt = Buffer.from(hash.salt);
  const sum = (...parts: Uint8Array[]) => digestOf(hash.hash, Buffer.concat(parts), 'buffer');
  const inner = sum(password, salt, password);
  const parts = [password, salt, repeat(inner, password.length)];
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push(bits & 1 ? inner : password);
  const first = sum(...parts);
  const saltCount = 16 + (first[0] ?? 0);
  return {
    output: first,
    passwordSequence: repeat(sum(repeat(password, password.length * password.length)), password.length),
    saltSequence: repeat(sum(repeat(salt, salt.length * saltCount)), salt.length),
  };
}

/** Step 21. */
function stretch(hash: ShaCryptHash, password: Uint8Array): Uint8Array {
  const { output: first, passwordSequence, saltSequence } = start(hash, password);
  const input = Buffer.alloc(first.length + saltSequence.length + 2 * passwordSequence.length);
  let output: Uint8Array = first;
  for (let round = 0; round < hash.rounds; round++) {
    const odd = round % 2 === 1;
    let length = 0;
    const add = (part: Uint8Array) => {
      input.set(part, length);
      length += part.length;
    };
    add(odd ? passwordSequence : output);
    if (round % 3 !== 0) add(saltSequence);
    if (round % 7 !== 0) add(passwordSequence);
    add(odd ? output : passwordSequence);
    output = digestOf(hash.hash, input.subarray(0, length), 'buffer');
  }
  return output;
}

function repeat(bytes: Uint8Array, length: number): Uint8Array {
  return length === 0 ? Buffer.alloc(0) : Buffer.alloc(length, bytes);
}

/**
 * Step 22: the order of the bytes in the text. Groups of three start a third of the output apart and then move on by one,
 * rotating to the left or to the right; what three does not divide comes last.
 */
function outputOrder(bytes: number, rotate: (group: number[]) => number[]): number[] {
  const third = Math.floor(bytes / 3);
  const order: number[] = [];
  let group = [2 * third, third, 0];
  for (let count = 0; count < third; count++) {
    order.push(...group);
    group = rotate(group.map((at) => at + 1));
  }
  for (let at = 3 * third; at < bytes; at++) order.push(at);
  return order;
}

const outputs = {
  sha256: { bytes: 32, order: outputOrder(32, ([low = 0, middle = 0, high = 0]) => [middle, high, low]) },
  sha512: { bytes: 64, order: outputOrder(64, ([low = 0, middle = 0, high = 0]) => [high, low, middle]) },
};

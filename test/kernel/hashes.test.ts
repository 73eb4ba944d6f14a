import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { acceptedFormats, parseFormat } from '../../src/kernel/crypto/hashes/formats.ts';
import {
  hashPassword,
  isOutdated,
  parseHash,
  verifyDecoy,
  verifyParsed,
  verifyPassword,
} from '../../src/kernel/crypto/hashes/hashes.ts';
import { HashingBusy, runInPool } from '../../src/kernel/crypto/hashes/pool.ts';
import { hashingPriority } from '../../src/kernel/crypto/hashes/priority.ts';
import { createPool } from '../../src/kernel/pool.ts';
import { acceptedVectors, cheapVectors, pbkdf2Vectors, scryptVectors } from './hashVectors.ts';

const salt = 'cmFuZG9tc2FsdGlzaGFyZA';
const digest = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
const bcryptTail = 'abcdefghijklmnopqrstuuxMiqtPY2SsTJvM1hmZQUuLLtxjumsri';
const firebaseTail = 'c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA==$Bw==$AAAAAAAAAAAAAAAAAAAAAA==';

describe('hashes of other software', () => {
  test.each(acceptedVectors)('$encoded ($origin)', async ({ encoded, password }) => {
    expect(parseHash(encoded)).toBeDefined();
    expect(await verifyPassword(encoded, password)).toBe(true);
    expect(await verifyPassword(encoded, `!${password}`)).toBe(false);
    expect(isOutdated(encoded)).toBe(!encoded.startsWith('$argon2id$v=19$m=19456,t=2,p=1$'));
  });

  test.each(cheapVectors)('$encoded ($origin), below our bounds', async ({ encoded, password }) => {
    expect(parseHash(encoded)).toBeUndefined();
    expect(await verifyPassword(encoded, password)).toBe(false);
    const parsed = parseFormat(encoded);
    expect(parsed && (await verifyParsed(parsed, password))).toBe(true);
    expect(parsed && (await verifyParsed(parsed, `!${password}`))).toBe(false);
  });

  test.each(scryptVectors)('scrypt of RFC 7914: $password', async ({ password, salt, cost, digest }) => {
    const parsed = { kind: 'scrypt' as const, ...cost, salt: Buffer.from(salt), digest: Buffer.from(digest, 'hex') };
    expect(await verifyParsed(parsed, password)).toBe(true);
    expect(await verifyParsed(parsed, `${password}!`)).toBe(false);
  });

  test.each(pbkdf2Vectors)('pbkdf2 of RFC 6070: $password, $iterations', async ({ password, salt, iterations, digest }) => {
    const hash = { kind: 'pbkdf2' as const, hash: 'sha1' as const, iterations };
    const parsed = { ...hash, salt: Buffer.from(salt), digest: Buffer.from(digest, 'hex') };
    expect(await verifyParsed(parsed, password)).toBe(true);
    expect(await verifyParsed(parsed, `${password}!`)).toBe(false);
  });

  test('bcrypt ends at its own 72 bytes', async () => {
    const encoded = '$2b$10$abcdefghijklmnopqrstuuiYfj.JCH/8Hff5KmeyaPABzfEqwvS.a';
    expect(await verifyPassword(encoded, 'a'.repeat(72))).toBe(true);
    expect(await verifyPassword(encoded, 'a'.repeat(73))).toBe(true);
    expect(await verifyPassword(encoded, 'a'.repeat(71))).toBe(false);
  });

  test('the message names every marker', () => {
    for (const marker of [
      'bcrypt',
      'argon2id',
      'scrypt',
      '$firescrypt$',
      'pbkdf2',
      '$5$',
      '$6$',
      '$1$',
      '$P$',
      '$H$',
      '$S$',
      '{SSHA512}',
    ])
      expect(acceptedFormats).toContain(marker);
  });
});

describe('the least and the most a hash may cost', () => {
  const sha512Digest = '/'.repeat(85).concat('.');
  test.each([
    [`$2a$10$${bcryptTail}`, `$2a$09$${bcryptTail}`],
    [`$2a$16$${bcryptTail}`, `$2a$17$${bcryptTail}`],
    [`$2a$16$${bcryptTail}`, `$2a$31$${bcryptTail}`],
    [`$argon2id$v=19$m=7168,t=1,p=1$${salt}$${digest}`, `$argon2id$v=19$m=7167,t=1,p=1$${salt}$${digest}`],
    [`$argon2i$v=19$m=524288,t=10,p=16$${salt}$${digest}`, `$argon2i$v=19$m=524289,t=10,p=16$${salt}$${digest}`],
    [`$argon2id$v=19$m=524288,t=1,p=1$${salt}$${digest}`, `$argon2id$v=19$m=4194304,t=1,p=1$${salt}$${digest}`],
    [`$argon2id$v=19$m=8192,t=10,p=1$${salt}$${digest}`, `$argon2id$v=19$m=8192,t=11,p=1$${salt}$${digest}`],
    [`$argon2id$v=19$m=8192,t=10,p=1$${salt}$${digest}`, `$argon2id$v=19$m=8192,t=1000,p=1$${salt}$${digest}`],
    [`$argon2id$v=19$m=8192,t=1,p=16$${salt}$${digest}`, `$argon2id$v=19$m=8192,t=1,p=17$${salt}$${digest}`],
    [`$argon2id$v=19$m=8192,t=1,p=16$${salt}$${digest}`, `$argon2id$v=19$m=8192,t=1,p=255$${salt}$${digest}`],
    [`$scrypt$ln=14,r=8,p=1$${salt}$${digest}`, `$scrypt$ln=13,r=8,p=1$${salt}$${digest}`],
    [`$scrypt$ln=19,r=8,p=1$${salt}$${digest}`, `$scrypt$ln=20,r=8,p=1$${salt}$${digest}`],
    [`$scrypt$ln=19,r=8,p=1$${salt}$${digest}`, `$scrypt$ln=30,r=8,p=1$${salt}$${digest}`],
    [`$scrypt$ln=14,r=32,p=1$${salt}$${digest}`, `$scrypt$ln=14,r=33,p=1$${salt}$${digest}`],
    [`$scrypt$ln=14,r=8,p=1$${salt}$${digest}`, `$scrypt$ln=14,r=7,p=1$${salt}$${digest}`],
    [`$scrypt$ln=14,r=8,p=16$${salt}$${digest}`, `$scrypt$ln=14,r=8,p=17$${salt}$${digest}`],
    [`$scrypt$ln=18,r=8,p=2$${salt}$${digest}`, `$scrypt$ln=18,r=8,p=3$${salt}$${digest}`],
    [`$7$C6..../....salt$${digest.replaceAll('A', '.')}`, `$7$S6..../....salt$${digest.replaceAll('A', '.')}`],
    [`$firescrypt$ln=14,r=8,p=1$${firebaseTail}`, `$firescrypt$ln=31,r=8,p=1$${firebaseTail}`],
    [`$firescrypt$ln=14,r=8,p=1$${firebaseTail}`, `$firescrypt$ln=14,r=1024,p=1$${firebaseTail}`],
    [`$pbkdf2-sha256$1000$${salt}$${digest}`, `$pbkdf2-sha256$999$${salt}$${digest}`],
    [`$pbkdf2-sha256$10000000$${salt}$${digest}`, `$pbkdf2-sha256$10000001$${salt}$${digest}`],
    [`$pbkdf2-sha256$10000000$${salt}$${digest}`, `$pbkdf2-sha256$2147483648$${salt}$${digest}`],
    [`$pbkdf2$5000000$${salt}$${digest}`, `$pbkdf2$5000001$${salt}$${digest}`],
    [`$5$rounds=1000$salt$${digest}`, `$5$rounds=999$salt$${digest}`],
    [`$6$rounds=1000000$salt$${sha512Digest}`, `$6$rounds=1000001$salt$${sha512Digest}`],
    [`$6$rounds=1000000$salt$${sha512Digest}`, `$6$rounds=999999999$salt$${sha512Digest}`],
    ['$P$5saltysalOZUIx60lTSMc6GYsAn3I./', '$P$4saltysalOZUIx60lTSMc6GYsAn3I./'],
    ['$H$IsaltysalOZUIx60lTSMc6GYsAn3I./', '$H$JsaltysalOZUIx60lTSMc6GYsAn3I./'],
    [`$S$8saltysal${digest}`, `$S$7saltysal${digest}`],
    [`$S$Gsaltysal${digest}`, `$S$Hsaltysal${digest}`],
  ])('%s, but not %s', async (within, beyond) => {
    expect(parseHash(within)).toBeDefined();
    expect(parseFormat(beyond)).toBeDefined();
    expect(parseHash(beyond)).toBeUndefined();
    expect(await fastest(() => verifyPassword(beyond, 'password'))).toBeLessThan(10);
    expect(await verifyPassword(beyond, 'password')).toBe(false);
  });
});

describe('strings that are no hash', () => {
  test.each(acceptedVectors)('around $encoded', ({ encoded }) => {
    for (const wrong of [
      `${encoded}\n`,
      `${encoded}$`,
      ` ${encoded}`,
      `${encoded} `,
      encoded.replace(/.=*$/, ''),
      encoded.slice(1),
    ])
      expect(parseFormat(wrong), wrong).toBeUndefined();
    expect(parseFormat(encoded.slice(0, encoded.length / 2))).toBeUndefined();
  });

  test.each([
    '',
    'password',
    `$argon2d$v=19$m=8192,t=1,p=1$${salt}$${digest}`,
    `$argon2id$v=16$m=8192,t=1,p=1$${salt}$${digest}`,
    `$argon2id$m=8192,t=1,p=1$${salt}$${digest}`,
    `$argon2id$v=19$m=08192,t=1,p=1$${salt}$${digest}`,
    `$argon2id$v=19$m=8192,t=1,p=1$c2FsdA$${digest}`,
    `$argon2id$v=19$m=8192,t=1,p=1$${salt}$c2FsdA`,
    `$argon2id$v=19$m=8192,t=1,p=1$${salt}$`,
    `$2x$10$${bcryptTail}`,
    `$2c$10$${bcryptTail}`,
    `$2a$+10$${bcryptTail}`,
    `$2a$10$${bcryptTail.slice(0, -1)}j`,
    `$scrypt$ln=16384,r=8,p=1$${salt}$${digest}`,
    `$scrypt$ln=14,r=8,p=1$${salt}$`,
    `$pbkdf2-md5$1000$${salt}$${digest}`,
    `$pbkdf2-sha256$-1$${salt}$${digest}`,
    `$pbkdf2-sha256$1e4$${salt}$${digest}`,
    `$pbkdf2-sha256$1000$${salt}$`,
    `$5$rounds=01000$salt$${digest}`,
    `$5$rounds=5000$${digest}`,
    `$5$toolongsaltstring$${digest}`,
    `$6$salt$${digest}`,
    '$1$toolongsalt$3EbD/pJddrq5HW3mpZ4KZ1',
    `$P$Bsaltysal${digest}`,
    '$firescrypt$ln=14,r=8,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA==$Bw==$AAAA',
    '$md5salted-middle$pepper$6qCIyclSP2S8IjEojN+RlQ==',
    '5f4dcc3b5aa765d61d8327deb882cf9',
    '5f4dcc3b5aa765d61d8327deb882cf9g',
    '{SSHA}zkbpMJnJm26pSNwLH8VN1EHqa/w=',
    '{SHA}zkbpMJnJm26pSNwLH8VN1EHqa/w=',
    '{SSHA}yxWZXy/5ITWPd3Lvedk7yUASFfBzYWx0=',
    `$5$salt$${digest.repeat(1_000)}`,
  ])('%s', async (encoded) => {
    expect(parseFormat(encoded)).toBeUndefined();
    expect(await verifyPassword(encoded, 'password')).toBe(false);
    expect(isOutdated(encoded)).toBe(true);
  });

  test('any string is parsed without an error and in time', async () => {
    const valid = fc.constantFrom(...acceptedVectors.map(({ encoded }) => encoded));
    const spliced = fc
      .tuple(valid, fc.nat(300), fc.nat(10), fc.string({ unit: 'binary' }))
      .map(([encoded, at, cut, text]) => encoded.slice(0, at) + text + encoded.slice(at + cut));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), spliced), (encoded) => {
        const parsed = parseHash(encoded);
        expect(parsed === undefined || parsed.kind.length > 0).toBe(true);
        expect(typeof isOutdated(encoded)).toBe('boolean');
      }),
      { numRuns: 5_000 },
    );
    for (const long of ['$', '5', 'a', '{SSHA}', '$5$', '$2a$10$'].map((part) => part.repeat(1_000_000)))
      expect(await fastest(() => parseHash(long))).toBeLessThan(10);
  });
});

describe('our own hashes', () => {
  test('argon2id with a salt of its own each time', async () => {
    const [first, second] = await Promise.all([hashPassword('Password1!'), hashPassword('Password1!')]);
    expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(second).not.toBe(first);
    expect(parseHash(first)).toBeDefined();
    expect(isOutdated(first)).toBe(false);
    expect(await verifyPassword(first, 'Password1!')).toBe(true);
    expect(await verifyPassword(first, 'password1!')).toBe(false);
    expect(await verifyPassword(first, 'Password1! ')).toBe(false);
  });

  test.each([
    [`$argon2i$v=19$m=19456,t=2,p=1$${salt}$${digest}`],
    [`$argon2id$v=19$m=19457,t=2,p=1$${salt}$${digest}`],
    [`$argon2id$v=19$m=19456,t=3,p=1$${salt}$${digest}`],
    [`$argon2id$v=19$m=19456,t=2,p=2$${salt}$${digest}`],
  ])('%s is outdated', (encoded) => {
    expect(isOutdated(encoded)).toBe(true);
  });

  test('one password in every Unicode form', async () => {
    const text = 'Ångström①';
    const forms = new Set([text, ...['NFC', 'NFD', 'NFKC'].map((form) => text.normalize(form))]);
    expect(forms.size).toBe(3);
    for (const stored of await Promise.all([...forms].map(hashPassword)))
      for (const form of forms) expect(await verifyPassword(stored, form)).toBe(true);
  });

  test('nothing is cut', async () => {
    const long = 'p'.repeat(199);
    const stored = await hashPassword(`${long}a`);
    expect(await verifyPassword(stored, `${long}a`)).toBe(true);
    for (const other of [`${long}b`, long, long.slice(0, 72)]) expect(await verifyPassword(stored, other)).toBe(false);
    const nul = await hashPassword('before\0after');
    expect(await verifyPassword(nul, 'before\0other')).toBe(false);
  });

  test('imported hashes take the password as it came, then normalised', async () => {
    const ofDecomposed = '$5$rounds=1000$nfd$4iDy44MFQiyyDQ6TmvQw3aU3guU1rUubcqss5OKhyg1';
    const ofComposed = '$5$rounds=1000$nfc$DwEfOsHyrYpvvPojrj8g20IsSE.ESOwEDWl/22TIv6B';
    const decomposed = 'Pa\u0308sswo\u0308rd';
    const composed = 'P\u00e4ssw\u00f6rd';
    expect(await verifyPassword(ofDecomposed, decomposed)).toBe(true);
    expect(await verifyPassword(ofDecomposed, composed)).toBe(false);
    expect(await verifyPassword(ofComposed, decomposed)).toBe(true);
    expect(await verifyPassword(ofComposed, composed)).toBe(true);
  });
});

describe('the pool', () => {
  test.each([
    `$2a$10$${bcryptTail}`,
    `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${digest}`,
    `$scrypt$ln=14,r=8,p=1$${salt}$${digest}`,
    `$pbkdf2-sha512$50000$${salt}$${digest}`,
    `$5$rounds=10000$salt$${digest}`,
    `$P$BsaltysalOZUIx60lTSMc6GYsAn3I./`,
    `$S$Asaltysal${digest}`,
    '$1$saltysal$MWo/fo6i5qyg.xpMp8XZ9/',
  ])('the event loop turns while %s is checked', async (encoded) => {
    let done = false;
    // Two at a time, and a turn for each end: however late this thread gets its turns, all of them take more than ten.
    const checks = Promise.all(Array.from({ length: 24 }, () => verifyPassword(encoded, 'password'))).finally(() => {
      done = true;
    });
    // No further: who turns without an end takes the processor from the thread that he waits for.
    for (let turns = 0; turns <= 10; turns++) {
      await nextTurn();
      expect(done, `${turns} turns`).toBe(false);
    }
    expect(new Set(await checks)).toEqual(new Set([false]));
  });

  test('runs as many as it has slots, in order, and turns the rest away', async () => {
    const run = createPool(2, 2, () => new HashingBusy());
    const started: number[] = [];
    const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<number>());
    const results = gates.map(({ promise }, at) =>
      run(() => {
        started.push(at);
        return promise;
      }),
    );
    expect(started).toEqual([0, 1]);
    await expect(run(async () => 4)).rejects.toMatchObject({ name: 'HashingBusy', retryAfterMs: 1_000 });
    gates[1]?.reject(new Error('failed'));
    await expect(results[1]).rejects.toThrow('failed');
    expect(started).toEqual([0, 1, 2]);
    gates[0]?.resolve(0);
    await results[0];
    expect(started).toEqual([0, 1, 2, 3]);
    gates[2]?.resolve(2);
    gates[3]?.resolve(3);
    expect(await Promise.all([results[2], results[3]])).toEqual([2, 3]);
    const again = [5, 6, 7].map((at) => run(async () => started.push(at)));
    expect(started).toEqual([0, 1, 2, 3, 5, 6]);
    await Promise.all(again);
  });

  test('a full queue refuses passwords until there is room', async () => {
    const stored = await hashPassword('Password1!');
    const gate = Promise.withResolvers<void>();
    const held: Promise<void>[] = [];
    let busy = false;
    while (!busy) {
      const place = runInPool(() => gate.promise);
      await Promise.race([place, nextTurn()]).catch((error: unknown) => {
        busy = error instanceof HashingBusy;
      });
      if (!busy) held.push(place);
    }
    await expect(verifyPassword(stored, 'Password1!')).rejects.toBeInstanceOf(HashingBusy);
    await expect(hashPassword('Password1!')).rejects.toBeInstanceOf(HashingBusy);
    await expect(verifyDecoy('Password1!')).rejects.toBeInstanceOf(HashingBusy);
    expect(await verifyPassword('no hash', 'Password1!')).toBe(false);
    gate.resolve();
    await Promise.all(held);
    expect(await verifyPassword(stored, 'Password1!')).toBe(true);
  });

  test.runIf(process.platform === 'linux')('its threads give way to all others', async () => {
    await hashPassword('Password1!');
    await verifyPassword('$1$kJ4QkJaQ$3EbD/pJddrq5HW3mpZ4KZ1', 'password');
    const threads = readdirSync('/proc/self/task').map((id) => ({
      name: readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim(),
      priority: getPriority(Number(id)),
    }));
    const lowered = threads.filter(({ priority }) => priority === hashingPriority).map(({ name }) => name);
    expect(lowered.filter((name) => name === 'libuv-worker').length).toBeGreaterThan(0);
    expect(threads.filter(({ name }) => name === 'libuv-worker').every(({ priority }) => priority === hashingPriority)).toBe(
      true,
    );
    // Workers: as many as were needed at once before.
    expect(lowered.filter((name) => name !== 'libuv-worker').length).toBeGreaterThan(0);
    expect(getPriority()).toBe(0);
  });

  test('its threads do not keep a process alive', async () => {
    const module = new URL('../../src/kernel/crypto/hashes/hashes.ts', import.meta.url).href;
    const script = `const { verifyPassword } = await import(${JSON.stringify(module)});
      process.stdout.write(String(await verifyPassword('$1$kJ4QkJaQ$3EbD/pJddrq5HW3mpZ4KZ1', 'password')));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
    expect(stdout).toBe('true');
  });
});

/** Milliseconds of the fastest of five runs: other work on the machine only ever adds. */
async function fastest(work: () => unknown): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let runs = 0; runs < 5; runs++) {
    const start = performance.now();
    await work();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

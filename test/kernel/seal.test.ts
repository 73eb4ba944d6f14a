import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { deriveKeys, keyedHash } from '../../src/kernel/crypto/keys.ts';
import { open, seal } from '../../src/kernel/crypto/seal.ts';

const key = randomBytes(32);
const place = 'totp/42';
const secret = 'JBSWY3DPEHPK3PXP – Größe';

describe('what is sealed', () => {
  test('opens at its place and shows nothing of itself', () => {
    const sealed = seal(key, place, secret);
    expect(open(key, place, sealed)).toBe(secret);
    expect(sealed.includes(Buffer.from(secret.slice(0, 8)))).toBe(false);
  });

  test('looks different each time', () => {
    expect(seal(key, place, secret).equals(seal(key, place, secret))).toBe(false);
  });

  test('opens neither elsewhere nor with another key', () => {
    const sealed = seal(key, place, secret);
    expect(() => open(key, 'totp/43', sealed)).toThrow();
    expect(() => open(randomBytes(32), place, sealed)).toThrow();
  });

  test('does not open when any bit differs, or the end is missing', () => {
    const sealed = seal(key, place, secret);
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const flipped = Buffer.from(sealed);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => open(key, place, flipped)).toThrow();
    }
    for (let length = 0; length < sealed.length; length++) expect(() => open(key, place, sealed.subarray(0, length))).toThrow();
  });

  test('does not open with a shortened tag, which would be easier to guess', () => {
    const sealed = seal(key, place, '');
    expect(open(key, place, sealed)).toBe('');
    for (let cut = 1; cut < 16; cut++) expect(() => open(key, place, sealed.subarray(0, -cut))).toThrow();
  });
});

describe('the keys', () => {
  const master = Buffer.alloc(32, 7);

  test('are the same for a master key, and all different', () => {
    const keys = Object.values(deriveKeys(master)).map((derived) => derived.toString('hex'));
    expect(keys).toEqual(Object.values(deriveKeys(master)).map((derived) => derived.toString('hex')));
    expect(new Set([...keys, master.toString('hex')]).size).toBe(keys.length + 1);
    expect(deriveKeys(Buffer.alloc(32, 8)).seal.toString('hex')).not.toBe(keys[2]);
  });

  test('hash by HMAC-SHA-256 (RFC 4231, test case 2)', () => {
    const digest = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
    expect(keyedHash(Buffer.from('Jefe'), 'what do ya want for nothing?').toString('hex')).toBe(digest);
  });
});

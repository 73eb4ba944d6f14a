import { isWithin } from './encoding.ts';
import type { ParsedHash } from './formats.ts';
import { pbkdf2Work } from './pbkdf2.ts';
import type { ScryptCost } from './scrypt.ts';

/**
 * What an imported hash may cost, [least, most]: below, a stolen hash is as good as the password; above, checking it
 * harms the server. Import and every check hold to it.
 */
const bounds = {
  /** From the smallest of OWASP's equal choices, which is Keycloak's default. */
  argon2: { memory: [7_168, 524_288], passes: [1, 10], parallelism: [1, 16] },
  bcrypt: { cost: [10, 16] },
  scrypt: { costLog2: [14, 20], blockSize: [8, 32], parallelism: [1, 16] },
  pbkdf2: { iterations: [1_000, 10_000_000] },
  shaCrypt: { rounds: [1_000, 1_000_000] },
  /** log2 of the iterations. Drupal's range is 1 000 to 500 000 iterations. */
  phpass: { md5: [7, 20], sha512: [10, 18] },
} as const;

/** N·r·p. The largest scrypt parameters together would take 4 GiB; this many blocks of 128 bytes are 512 MiB at most. */
const scryptMostBlocks = 2 ** 22;

export function isWithinBounds(hash: ParsedHash): boolean {
  switch (hash.kind) {
    case 'argon2':
      return (
        isWithin(hash.memory, bounds.argon2.memory) &&
        isWithin(hash.passes, bounds.argon2.passes) &&
        isWithin(hash.parallelism, bounds.argon2.parallelism)
      );
    case 'bcrypt':
      return isWithin(hash.cost, bounds.bcrypt.cost);
    case 'scrypt':
    case 'firebase':
      return isScryptWithinBounds(hash);
    case 'pbkdf2':
      return isWithin(hash.iterations, bounds.pbkdf2.iterations) && pbkdf2Work(hash) <= bounds.pbkdf2.iterations[1];
    case 'shaCrypt':
      return isWithin(hash.rounds, bounds.shaCrypt.rounds);
    case 'phpass':
      return isWithin(hash.costLog2, bounds.phpass[hash.hash]);
    case 'md5Crypt':
    case 'md5':
    case 'ssha':
      return true;
  }
}

function isScryptWithinBounds({ costLog2, blockSize, parallelism }: ScryptCost): boolean {
  return (
    isWithin(costLog2, bounds.scrypt.costLog2) &&
    isWithin(blockSize, bounds.scrypt.blockSize) &&
    isWithin(parallelism, bounds.scrypt.parallelism) &&
    2 ** costLog2 * blockSize * parallelism <= scryptMostBlocks
  );
}

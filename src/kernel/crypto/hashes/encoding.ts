import { timingSafeEqual } from 'node:crypto';

const crypt64Alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Standard base64, padded or not; undefined when a character, the padding or a trailing bit is not canonical. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  const canonical = bytes.toString('base64');
  return text === canonical || text === canonical.replace(/=+$/, '') ? bytes : undefined;
}

/** The encoding of crypt(3): groups of three bytes as four characters, least significant bits first. */
export function encodeCrypt64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const group = bytes.subarray(at, at + 3);
    let bits = (group[0] ?? 0) | ((group[1] ?? 0) << 8) | ((group[2] ?? 0) << 16);
    for (let left = group.length + 1; left > 0; left--) {
      text += crypt64Alphabet.charAt(bits & 0x3f);
      bits >>= 6;
    }
  }
  return text;
}

/** The bytes that encodeCrypt64 writes as `text`; undefined when there are none. */
export function decodeCrypt64(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at += 4) {
    const group = text.slice(at, at + 4);
    const bits = decodeCrypt64Number(group);
    for (let left = 0; left < group.length - 1; left++) bytes.push((bits >> (8 * left)) & 0xff);
  }
  const decoded = Uint8Array.from(bytes);
  return encodeCrypt64(decoded) === text ? decoded : undefined;
}

/** A number of up to five characters of six bits, least significant first. */
export function decodeCrypt64Number(text: string): number {
  return [...text].reduceRight((bits, character) => bits * 64 + crypt64Alphabet.indexOf(character), 0);
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

export function equalText(left: string, right: string): boolean {
  return equalBytes(Buffer.from(left), Buffer.from(right));
}

/** Bytes of an imported salt where the format leaves them open. */
export const saltBytes = [1, 64] as const;

/** Where the format leaves the length open: 16 to 64 bytes in whole words, as everybody writes them, so that a cut one shows. */
export function isDigest(bytes: Uint8Array): boolean {
  return isWithin(bytes.length, [16, 64]) && bytes.length % 4 === 0;
}

export function isWithin(value: number, [min, max]: readonly [min: number, max: number]): boolean {
  return value >= min && value <= max;
}

import { failure } from '../../kernel/errors.ts';

const [quote, backslash, colon] = [0x22, 0x5c, 0x3a];
const [openObject, closeObject, openArray, closeArray] = [0x7b, 0x7d, 0x5b, 0x5d];

/**
 * The objects of a large JSON document, one after another, holding one of them at a time: those of the array that the
 * outermost object has under `key`; without a key those of the outermost array, or outermost objects that follow each
 * other. LINE_CUT_OFF when the document ends too early, LINE_NOT_JSON when one cannot be read.
 */
export async function* elementsIn(pieces: AsyncIterable<Buffer>, key?: string): AsyncGenerator<unknown> {
  const scanner = new Scanner(key);
  for await (const piece of pieces) for (const bytes of scanner.scan(piece)) yield parsed(bytes);
  if (!scanner.isWhole) throw failure('LINE_CUT_OFF');
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw failure('LINE_NOT_JSON');
  }
}

/** Follows the structure of a document just far enough to see where its objects begin and end. */
class Scanner {
  readonly #wanted: string | undefined;
  /** What is open around this place, the innermost last. */
  readonly #open: number[] = [];
  #inString = false;
  #escaped = false;
  /** The last text of the outermost object, and the key that it was if a colon followed. */
  #text: number[] = [];
  #key: string | undefined;
  /** Of the object that is being read, and how many containers were open around it. */
  #parts: Buffer[] | undefined;
  #around = 0;

  constructor(wanted: string | undefined) {
    this.#wanted = wanted;
  }

  get isWhole(): boolean {
    return this.#open.length === 0 && !this.#inString;
  }

  *scan(piece: Buffer): Generator<Buffer> {
    let start = 0;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at] ?? 0;
      if (this.#inString) this.#readText(byte);
      else if (byte === quote) {
        this.#inString = true;
        if (this.#open.length === 1) this.#text = [];
      } else if (byte === colon) {
        if (this.#open.length === 1) this.#key = Buffer.from(this.#text).toString('utf8');
      } else if (byte === openObject || byte === openArray) {
        if (byte === openObject && !this.#parts && this.#isPlace()) {
          this.#parts = [];
          this.#around = this.#open.length;
          start = at;
        }
        this.#open.push(byte);
      } else if (byte === closeObject || byte === closeArray) {
        this.#open.pop();
        if (!this.#parts || this.#open.length > this.#around) continue;
        yield Buffer.concat([...this.#parts, piece.subarray(start, at + 1)]);
        this.#parts = undefined;
      }
    }
    this.#parts?.push(piece.subarray(start));
  }

  #readText(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === backslash) this.#escaped = true;
    else if (byte === quote) this.#inString = false;
    if (this.#inString && this.#open.length === 1) this.#text.push(byte);
  }

  /** Whether an object that begins here is one of those that are looked for. */
  #isPlace(): boolean {
    const [first, second] = this.#open;
    const depth = this.#open.length;
    if (this.#wanted === undefined) return depth === 0 || (depth === 1 && first === openArray);
    return depth === 2 && first === openObject && second === openArray && this.#key === this.#wanted;
  }
}

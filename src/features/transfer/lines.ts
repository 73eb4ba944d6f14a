import { isUtf8 } from 'node:buffer';
import { failure } from '../../kernel/errors.ts';
import { maximumLine } from './record.ts';

export interface Line {
  /** From 1. */
  number: number;
  /** Bytes of the file up to and with this line. */
  end: number;
  /** Undefined when it is too long to be kept. */
  content: Buffer | undefined;
  /** False for the last line of a file that does not end in a line feed. */
  ended: boolean;
}

/** How far a file was read. */
export interface Position {
  lines: number;
  bytes: number;
}

const lineFeed = 0x0a;

/** The lines of a file from a position on. Holds no more of it than one piece and one line. */
export async function* linesIn(pieces: AsyncIterable<Buffer>, from: Position): AsyncGenerator<Line> {
  let { lines: number, bytes } = from;
  let parts: Buffer[] = [];
  let length = 0;
  const keep = (part: Buffer) => {
    length += part.length;
    // Of a line that is too long, nothing is needed.
    if (length <= maximumLine) parts.push(part);
    else parts = [];
  };
  const take = (ended: boolean): Line => {
    number++;
    bytes += length + (ended ? 1 : 0);
    const content = length <= maximumLine ? Buffer.concat(parts) : undefined;
    parts = [];
    length = 0;
    return { number, end: bytes, content, ended };
  };
  for await (const piece of pieces) {
    let start = 0;
    for (let at = piece.indexOf(lineFeed); at >= 0; at = piece.indexOf(lineFeed, start)) {
      keep(piece.subarray(start, at));
      yield take(true);
      start = at + 1;
    }
    keep(piece.subarray(start));
  }
  if (length > 0) yield take(false);
}

const byteOrderMark = Buffer.of(0xef, 0xbb, 0xbf);
const carriageReturn = 0x0d;

/** The object that a line holds. LINE_… for anything else; nothing of the line is told, it may hold a password. */
export function objectIn({ number, content, ended }: Line): object {
  if (!content) throw failure('LINE_TOO_LONG', { metadata: { maximum: String(maximumLine) } });
  if (number === 1 && content.subarray(0, 3).equals(byteOrderMark)) throw failure('LINE_BYTE_ORDER_MARK');
  if (content.at(-1) === carriageReturn) throw failure('LINE_ENDS_IN_CR');
  const value = isUtf8(content) ? parse(content.toString('utf8')) : undefined;
  if (value) return objectOf(value.parsed);
  if (content.every((byte) => byte === 0x20 || byte === 0x09)) throw failure('LINE_EMPTY');
  if (!ended) throw failure('LINE_CUT_OFF');
  throw failure(isUtf8(content) ? 'LINE_NOT_JSON' : 'LINE_NOT_UTF8');
}

function parse(text: string): { parsed: unknown } | undefined {
  try {
    return { parsed: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw failure('LINE_NOT_OBJECT');
  return value;
}

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type Line, linesIn, type Position } from './lines.ts';

/** A file to import. */
export interface Source {
  path: string;
  /** SHA-256 of its content: what it is known by. */
  hash: Buffer;
  /** Bytes. */
  size: number;
}

export async function openSource(path: string): Promise<Source> {
  const hash = createHash('sha256');
  let size = 0;
  const pieces: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: pieceBytes });
  for await (const piece of pieces) {
    hash.update(piece);
    size += piece.length;
  }
  return { path, hash: hash.digest(), size };
}

const pieceBytes = 256 * 1024;
/** Bytes of the lines of one batch, about: lines may be long. */
const batchBytes = 4 * 1024 * 1024;

/** The lines of a file from a position on, so many at once, or fewer when they are long. */
export async function* batchesIn({ path }: Source, from: Position, size: number): AsyncGenerator<Line[]> {
  const pieces: AsyncIterable<Buffer> = createReadStream(path, { start: from.bytes, highWaterMark: pieceBytes });
  let batch: Line[] = [];
  let bytes = 0;
  for await (const line of linesIn(pieces, from)) {
    batch.push(line);
    bytes += line.content?.length ?? 0;
    if (batch.length < size && bytes < batchBytes) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

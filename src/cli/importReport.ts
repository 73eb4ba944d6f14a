import { type FileHandle, open } from 'node:fs/promises';
import { createInterface } from 'node:readline';

/** One line of it: what became of a line of the file. */
export interface Entry {
  line: number;
}

/** A file that tells what became of lines, in step with what the database holds of them. */
export class Report {
  readonly path: string;
  readonly #file: FileHandle;
  /** Bytes that tell of committed lines. */
  #committed: number;
  #written: number;

  private constructor(path: string, file: FileHandle, committed: number) {
    this.path = path;
    this.#file = file;
    this.#committed = committed;
    this.#written = committed;
  }

  /** Opens it to go on behind what it says of the first `lines` lines; what it says of others never became true. */
  static async open(path: string, lines: number): Promise<Report> {
    const file = await open(path, lines === 0 ? 'w' : 'a+', 0o600);
    await file.close();
    const kept = lines === 0 ? 0 : await bytesUpTo(path, lines);
    const writable = await open(path, 'r+');
    await writable.truncate(kept);
    return new Report(path, writable, kept);
  }

  /** Writes entries in place of those that were written since the last `commit`. */
  async write(entries: readonly Entry[]): Promise<void> {
    if (this.#written > this.#committed) await this.#file.truncate(this.#committed);
    const bytes = Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    if (bytes.length > 0) await this.#file.write(bytes, 0, bytes.length, this.#committed);
    this.#written = this.#committed + bytes.length;
  }

  commit(): void {
    this.#committed = this.#written;
  }

  /** Returns whether it says anything. */
  async close(): Promise<boolean> {
    await this.#file.close();
    return this.#committed > 0;
  }
}

/** Bytes of the whole entries for lines up to this one. */
async function bytesUpTo(path: string, last: number): Promise<number> {
  const file = await open(path);
  let bytes = 0;
  const { size } = await file.stat();
  for await (const text of createInterface({ input: file.createReadStream() })) {
    const next = bytes + Buffer.byteLength(text) + 1;
    if (next > size || lineOf(text) > last) break;
    bytes = next;
  }
  return bytes;
}

function lineOf(text: string): number {
  const entry: unknown = JSON.parse(text);
  return typeof entry === 'object' && entry !== null && 'line' in entry ? Number(entry.line) : Number.NaN;
}

import type { NodeRequest } from '../server/handler.ts';

/** Bytes of a form at most; the fields at their limits, each byte written as %XX, stay below. */
export const maximumFormBytes = 16 * 1024;
/** Until the whole form is there. */
const maximumMs = 60_000;

/** A form that is not read; the status says why. */
export class UnreadableForm extends Error {
  override name = 'UnreadableForm';
  readonly status: 400 | 408 | 413 | 415;

  constructor(status: UnreadableForm['status']) {
    super(`the form cannot be read (${status})`);
    this.status = status;
  }
}

/** The fields of a form; text with NUL, which no keyboard types and Postgres cannot hold, is none. @throws UnreadableForm */
export async function readForm(request: NodeRequest, maximum = maximumFormBytes): Promise<URLSearchParams> {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';', 1);
  if (type.trim().toLowerCase() !== 'application/x-www-form-urlencoded') throw new UnreadableForm(415);
  if (request.headers['content-encoding'] !== undefined) throw new UnreadableForm(415);
  const fields = new URLSearchParams(await readBody(request, maximum));
  if ([...fields.values()].some((value) => value.includes('\0'))) throw new UnreadableForm(400);
  return fields;
}

function readBody(request: NodeRequest, maximum: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let size = 0;
  // What comes after the answer is decided is thrown away, not kept.
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maximum) chunks.push(chunk);
    else reject(new UnreadableForm(413));
  });
  request.once('end', () => resolve(Buffer.concat(chunks).toString()));
  request.once('error', () => reject(new UnreadableForm(400)));
  request.once('close', () => reject(new UnreadableForm(400)));
  const timer = setTimeout(() => reject(new UnreadableForm(408)), maximumMs);
  return promise.finally(() => clearTimeout(timer));
}

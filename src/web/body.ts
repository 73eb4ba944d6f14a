import type { NodeRequest } from '../server/handler.ts';

/** A body that is not read; the status says why. */
export class UnreadableBody extends Error {
  override name = 'UnreadableBody';
  readonly status: 400 | 408 | 413 | 415;

  constructor(status: UnreadableBody['status']) {
    super(`the body cannot be read (${status})`);
    this.status = status;
  }
}

/** The whole body, where it has at most so many bytes and is there in time. @throws UnreadableBody */
export function readBody(request: NodeRequest, maximum: number, maximumMs: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  // What comes after the answer is decided is thrown away, not kept.
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maximum) chunks.push(chunk);
    else reject(new UnreadableBody(413));
  });
  request.once('end', () => resolve(Buffer.concat(chunks)));
  request.once('error', () => reject(new UnreadableBody(400)));
  request.once('close', () => reject(new UnreadableBody(400)));
  const timer = setTimeout(() => reject(new UnreadableBody(408)), maximumMs);
  return promise.finally(() => clearTimeout(timer));
}

/**
 * Lets a client that is still sending come to its end, where that is near, and keeps nothing: many hear no answer before,
 * and the end of the connection in its place.
 */
export function readToTheEnd(request: NodeRequest, maximum: number, maximumMs: number): Promise<void> {
  if (request.complete) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > maximum) resolve();
  });
  for (const event of ['end', 'error', 'close']) request.once(event, () => resolve());
  const timer = setTimeout(resolve, maximumMs);
  return promise.finally(() => clearTimeout(timer));
}

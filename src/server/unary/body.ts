import type { Readable } from 'node:stream';
import { Code, ConnectError } from '@connectrpc/connect';
import { edgeLimits } from '../edgeLimits.ts';
import type { UnaryContext } from './context.ts';
import { unlessOver } from './deadline.ts';

/** Looks at all that has come so far. True: no more is wanted. Throws to refuse. */
export type Look = (bytes: Buffer) => boolean;

/** What is read of a body before `beforeMore` is asked: far more than a request needs that names one user. */
export const smallBodyBytes = 64 * 1024;

/** Reads a body as `gather` does, and asks `context.beforeMore`, where there is one, amid a body that is not small. */
export async function readBody(body: Readable, context: UnaryContext, look: Look): Promise<Buffer> {
  const gathered = new Gathered();
  const { beforeMore } = context;
  if (!beforeMore) return gather(body, context, gathered, look);
  let isEnough = false;
  await gather(body, context, gathered, (bytes) => {
    isEnough = look(bytes);
    return isEnough || bytes.length > smallBodyBytes;
  });
  if (isEnough || gathered.bytes.length <= smallBodyBytes) return gathered.bytes;
  await unlessOver(context, beforeMore());
  body.resume();
  return gather(body, context, gathered, look);
}

/**
 * Reads a body until its end, or until `look` has seen enough. Rejects as `look` throws, when the call is over, and when the
 * body takes too long: without a deadline of its own a call would keep what has come of it for as long as it likes.
 */
function gather(body: Readable, context: UnaryContext, gathered: Gathered, look: Look): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // While the caller was authenticated.
    if (context.over) return reject(context.over);
    // One that is empty ends before anybody listens.
    if (body.readableEnded) return resolve(gathered.bytes);
    if (body.destroyed) return reject(lostBody());
    const stop = () => {
      clearTimeout(timer);
      body.off('data', take).off('end', end).off('close', lost);
      context.onOver = undefined;
    };
    const refuse = (error: unknown) => {
      stop();
      // Nobody listens any more: what else comes must not be kept.
      body.pause();
      reject(error);
    };
    const take = (chunk: Buffer) => {
      try {
        if (!look(gathered.add(chunk))) return;
      } catch (error) {
        return refuse(error);
      }
      stop();
      body.pause();
      resolve(gathered.bytes);
    };
    const end = () => {
      stop();
      resolve(gathered.bytes);
    };
    const lost = () => refuse(lostBody());
    const timer = setTimeout(() => refuse(lateBody()), edgeLimits.requestMs);
    context.onOver = refuse;
    body.on('data', take).once('end', end).once('close', lost);
  });
}

const lateBody = () => new ConnectError('the request took too long to arrive', Code.DeadlineExceeded);

const lostBody = () => new ConnectError('the request ended before its body did', Code.Aborted);

/**
 * What has come of a body, in one piece. Copied when it comes in several: a body in pieces of a byte would otherwise take
 * a hundred times its size.
 */
class Gathered {
  bytes: Buffer = Buffer.alloc(0);
  /** Has room for more behind `bytes`; undefined as long as one piece is all there is. */
  #room: Buffer | undefined;

  add(chunk: Buffer): Buffer {
    const { length } = this.bytes;
    if (length === 0) {
      this.bytes = chunk;
      return chunk;
    }
    const total = length + chunk.length;
    if (!this.#room || total > this.#room.length) {
      this.#room = Buffer.allocUnsafeSlow(Math.max(2 * total, smallestRoom));
      this.#room.set(this.bytes);
    }
    this.#room.set(chunk, length);
    this.bytes = this.#room.subarray(0, total);
    return this.bytes;
  }
}

const smallestRoom = 4096;

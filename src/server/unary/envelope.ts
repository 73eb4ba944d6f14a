import type { Readable } from 'node:stream';
import { Code, ConnectError } from '@connectrpc/connect';
import { compressedFlag } from '@connectrpc/connect/protocol';
import { readBody } from './body.ts';
import type { UnaryContext } from './context.ts';
import { type Incoming, tooLarge } from './protocol.ts';

/** One byte of flags, four of length (gRPC over HTTP/2, "Length-Prefixed-Message"). */
export const prefixBytes = 5;

/**
 * Reads a body that must hold one message in its envelope. Envelopes with `skippedFlag` are passed over. What is wrong
 * behind the message is told in `fault`: it counts only if the message itself can be read.
 */
export async function readEnvelope(body: Readable, context: UnaryContext, limit: number, skippedFlag = 0): Promise<Incoming> {
  let at = 0;
  let first: { flags: number; start: number; end: number } | undefined;
  let fault: ConnectError | undefined;

  const look = (bytes: Buffer): boolean => {
    while (bytes.length - at >= prefixBytes) {
      const length = bytes.readUInt32BE(at + 1);
      if (length > limit) {
        fault = tooLarge(limit, length);
        return true;
      }
      const start = at + prefixBytes;
      if (bytes.length - start < length) break;
      const flags = bytes.readUInt8(at);
      at = start + length;
      if (skippedFlag !== 0 && (flags & skippedFlag) === skippedFlag) continue;
      fault = first && problem('received extra input message for unary method', Code.Unimplemented);
      if (fault) return true;
      first = { flags, start, end: at };
    }
    if (bytes.length > 2 * (limit + prefixBytes)) fault = tooLarge(limit);
    return fault !== undefined;
  };

  const bytes = await readBody(body, context, look);
  if (!fault && bytes.length > at) fault = problem('incomplete envelope', Code.InvalidArgument);
  if (!first) throw fault ?? problem('missing input message for unary method', Code.Unimplemented);
  if ((first.flags & compressedFlag) === compressedFlag) {
    throw new ConnectError('received compressed envelope, but do not know how to decompress', Code.Internal);
  }
  return { message: bytes.subarray(first.start, first.end), fault };
}

const problem = (text: string, code: Code) => new ConnectError(`protocol error: ${text}`, code);

/** Messages in their envelopes, in one piece. */
export function envelopes(parts: readonly { flags: number; bytes: Uint8Array }[]): Buffer {
  const whole = Buffer.allocUnsafe(parts.reduce((sum, { bytes }) => sum + prefixBytes + bytes.length, 0));
  let at = 0;
  for (const { flags, bytes } of parts) {
    at = whole.writeUInt8(flags, at);
    at = whole.writeUInt32BE(bytes.length, at);
    whole.set(bytes, at);
    at += bytes.length;
  }
  return whole;
}

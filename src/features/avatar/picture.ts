// From the bytes of a stranger to a picture of our own making. They are decoded by a process that lives for one picture:
// whatever they do to the decoder, it holds nothing of ours, can be killed, and gives its memory back.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { App } from '../../kernel/call.ts';
import { failure } from '../../kernel/errors.ts';
import { createPool } from '../../kernel/pool.ts';
import { exits, maximumBytes, maximumPixels, maximumSide, type PictureType, pictureTypes } from './limits.ts';

/** The dearest picture takes two seconds (docs/benchmarks.md), on a machine that does nothing else. */
const decodeMs = 20_000;
/** A decoder takes up to 300 MB, so one runs at a time, whichever worker it is for. What waits takes 512 KiB each. */
export const decodersAtOnce = 1;
const places = 24;
/** About as long as a few pictures take. */
const retryAfterMs = 2_000;

const busy = () => failure('AVATARS_BUSY', { retryAfterMs });
const inTurn = createPool(decodersAtOnce, places, busy);

const program = fileURLToPath(new URL('./decoder.ts', import.meta.url));
const options = { env: {}, encoding: 'buffer', maxBuffer: maximumBytes, timeout: decodeMs, killSignal: 'SIGKILL' } as const;

type Decoding = Pick<App, 'log' | 'decoderTurns'>;

/** AVATAR_TYPE_UNSUPPORTED for what is none of the types that we take. */
export function pictureTypeOf(mime: string): PictureType {
  const type = pictureTypes.find((known) => known.mime === mime);
  if (!type) throw failure('AVATAR_TYPE_UNSUPPORTED');
  return type;
}

/**
 * The picture as WebP, upright, at most 512 pixels wide and high, without anything but pixels. AVATAR_TYPE_WRONG,
 * AVATAR_UNREADABLE, AVATAR_PIXELS_TOO_MANY, AVATAR_TOO_COSTLY, AVATARS_BUSY.
 */
export async function remake(app: Decoding, bytes: Buffer, { mime, marks, end }: PictureType): Promise<Buffer> {
  const isOfType = marks.every((mark) => mark.bytes.equals(bytes.subarray(mark.at, mark.at + mark.bytes.length)));
  if (!isOfType) throw failure('AVATAR_TYPE_WRONG', { metadata: { type: mime } });
  if (!bytes.includes(end)) throw failure('AVATAR_UNREADABLE');
  return inTurn(() => app.decoderTurns.take('', () => decode(app, bytes, mime)));
}

async function decode({ log }: Pick<App, 'log'>, bytes: Buffer, mime: string): Promise<Buffer> {
  const running = promisify(execFile)(process.execPath, [program, mime], options);
  // A decoder that ends early does not read on.
  running.child.stdin?.on('error', () => {});
  running.child.stdin?.end(bytes);
  try {
    return (await running).stdout;
  } catch (error) {
    throw refusalOf(error, log);
  }
}

function refusalOf(error: unknown, log: App['log']): unknown {
  if (!(error instanceof Error && 'code' in error && 'killed' in error && 'signal' in error)) return error;
  if (error.killed) return failure('AVATAR_TOO_COSTLY');
  if (error.code === exits.unreadable) return failure('AVATAR_UNREADABLE');
  if (error.code === exits.tooManyPixels) {
    return failure('AVATAR_PIXELS_TOO_MANY', { metadata: { maximum: String(maximumPixels), side: String(maximumSide) } });
  }
  if (error.signal === null) return error;
  log.warn({ signal: error.signal }, 'a picture ended the process that decoded it');
  return failure('AVATAR_UNREADABLE');
}

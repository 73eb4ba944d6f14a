// A secret that was wrong: what the call did is undone, that it was tried stays.
import type { ConnectError } from '@connectrpc/connect';
import type { Tx, UserRow } from '../../kernel/call.ts';
import { countTry, type Guess, settleTry } from '../../kernel/guessing.ts';
import type { Channel } from '../../kernel/outbox/message.ts';
import { record } from '../user/events.ts';
import { failCode } from './codeRepository.ts';
import type { Factor } from './steps.ts';

interface Tried {
  user: UserRow;
  factor: Factor;
  /** What is counted; a signature cannot be guessed, so a wrong one is not. */
  guess?: Guess;
  /** Of the code that it was held against. */
  channel?: Channel;
}

export class WrongTry extends Error {
  override name = 'WrongTry';
  readonly refusal: ConnectError;
  readonly tried: Tried;

  constructor(refusal: ConnectError, tried: Tried) {
    super(`${tried.factor} is wrong`, { cause: refusal });
    this.refusal = refusal;
    this.tried = tried;
  }
}

/** Keeps a wrong try once the rest of the call is undone. The user is still locked: nobody came in between. */
export async function keepTry(tx: Tx, sessionId: string, { user, factor, guess, channel }: Tried): Promise<void> {
  if (guess) {
    await countTry(tx, guess);
    await settleTry(tx, guess, false);
  }
  if (channel) await failCode(tx, { sessionId, channel });
  await record(tx, user.id, { type: 'session.check.failed', session: sessionId, factor });
}

import type { Letter } from './outbox.ts';
import type { Rendered } from './render.ts';

/** A message in the words that its reader gets. */
export interface Posting {
  letter: Letter;
  rendered: Rendered;
  /** Of the public URL: where references belong to. */
  host: string;
}

/** A way out. */
export interface Transport {
  /** Fails with a DeliveryError. */
  send(posting: Posting, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

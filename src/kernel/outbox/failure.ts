/** How a delivery failed: nobody can be reached that way, not this message just now, or not this message ever. */
export type Verdict = 'unreachable' | 'deferred' | 'refused';

/** A delivery that failed. The message stands in the database and in the log: no address, no code, nothing a server said. */
export class DeliveryError extends Error {
  override name = 'DeliveryError';
  readonly verdict: Verdict;
  /** Milliseconds for which the receiver wants to be left alone. */
  readonly waitMs: number;

  constructor(verdict: Verdict, message: string, waitMs = 0) {
    super(message);
    this.verdict = verdict;
    this.waitMs = waitMs;
  }
}

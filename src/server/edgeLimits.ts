/** What one connection may cost. Times in milliseconds. */
export const edgeLimits = {
  /** Until a new connection has shown its protocol; with TLS the same again for the handshake. */
  firstBytesMs: 10_000,
  /** Until the headers of an HTTP/1.1 request are there. */
  headersMs: 10_000,
  /** Until the whole of a request is there: over HTTP/1.1, and over HTTP/2 of a unary call. */
  requestMs: 60_000,
  /** That a client may take nothing of an answer that waits for it. */
  unreadMs: 60_000,
  /** For an HTTP/1.1 connection without a request; longer than the usual 60 s of balancers, which must be the first to close. */
  keepAliveMs: 75_000,
  /** Until the kernel asks a silent peer whether it still exists. */
  probePeerMs: 60_000,
  /** All headers of a request. */
  headerBytes: 16 * 1024,
  /** Requests at once on one HTTP/2 connection. */
  streamsPerSession: 250,
  /** Requests that a client may take back on one connection at once, and those that it gets back each second (CVE-2023-44487). */
  resetsAtOnce: 500,
  resetsPerSecond: 50,
  /** Frames that make no sense, until the connection is closed. */
  invalidFrames: 100,
  /** What Node may buffer for one HTTP/2 connection; beyond it new streams are refused. */
  sessionMegabytes: 64,
};

export type EdgeLimits = typeof edgeLimits;

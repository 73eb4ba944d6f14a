// What supervisor and workers tell each other. Only they hold an end of the channel, so that nothing here is checked.

/** What a worker is started with. */
export interface Start {
  kind: 'start';
  /** Its place among the workers, from 1 on; whoever takes the place of one that ended has the same. The first does the background work. */
  worker: number;
  workers: number;
  databaseUrl: string;
  /** Where the supervisor listens. */
  port: number;
}

/** Where a worker listens. */
export interface Started {
  kind: 'started';
  url: string;
  port: number;
  tokenFile: string | undefined;
}

/** What a worker knows of itself. */
export interface Report {
  worker: number;
  /** Calls of each deprecated method since the worker started. */
  calls: Record<string, number>;
  connections: number;
  residentBytes: number;
  /** What hinders messages from leaving, by channel. */
  notices: Readonly<Record<string, string>>;
}

/** What all of them know. */
export interface Reports {
  workers: readonly Report[];
  /** Calls that were counted by workers that have ended. */
  calls: Record<string, number>;
  /** How many have ended without being told to. */
  ended: number;
}

export type Limit = 'tryLimits' | 'codeTryLimits' | 'sendLimits' | 'challengeLimits';

/** A try that was taken from a limit, or given back to it. */
export interface Spent {
  kind: 'spent';
  limit: Limit;
  key: string;
  tries: 1 | -1;
}

/** Asks for a turn on a key. `turns` names them; as many as `atOnce` run at the same time. */
export interface Enter {
  kind: 'enter';
  id: number;
  turns: string;
  atOnce: number;
  key: string;
}

export type ToWorker =
  | Start
  | Spent
  | { kind: 'stop' }
  /** Comes with a socket. */
  | { kind: 'connection' }
  | { kind: 'entered'; id: number }
  | { kind: 'report'; id: number }
  | { kind: 'reports'; id: number; reports: Reports };

export type ToSupervisor =
  /** It listens to messages now. */
  | { kind: 'ready' }
  | Started
  /** It could not start. `transient`: because the database could not be reached. */
  | { kind: 'failed'; problem: unknown; transient: boolean }
  | Spent
  | Enter
  | { kind: 'leave'; id: number }
  /** Asks for the reports of all. */
  | { kind: 'ask'; id: number }
  | { kind: 'reported'; id: number; report: Report };

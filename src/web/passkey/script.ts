// What the page and its script tell each other.

/** What the page gives to its script. */
export interface ScriptWords {
  paths: { start: string; finish: string };
  /** Of the window: as it is, with a problem, and at the end. */
  titles: { plain: string; problem: string; done: string };
  /** Above a problem. */
  problem: string;
  waiting: string;
  /** By what the browser says. */
  known: string;
  cancelled: string;
  unfit: string;
  /** The link's time, or the registration's, is over. */
  over: string;
  /** No answer. */
  away: string;
  done: { title: string; about: string };
}

/** What the service says instead of what was asked for. */
export interface Refused {
  problem: string;
  /** In place of the one that was sent. */
  token?: string;
}

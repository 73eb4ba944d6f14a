import type { Reason } from '../kernel/reasons.ts';

export type PageName = 'email' | 'password' | 'invite' | 'init';

/** What the pages say in one language. `{name}` stands for a value: those of the failure's metadata, `wait`, `maximum`. */
export interface PageTexts {
  /** BCP 47. */
  language: string;
  pages: Record<PageName, { title: string; about: string; button: string; doneTitle: string; done: string }>;
  passkey: {
    title: string;
    about: string;
    /** Where there are no scripts, or no passkeys. */
    unsupported: string;
    /** Of the field. */
    name: string;
    /** What a passkey is called unless its owner says otherwise; `{device}` is Windows, iPhone and the like. */
    names: { plain: string; onDevice: string };
    nameWrong: string;
    button: string;
    waiting: string;
    /** What the browser may say: the authenticator has one already; no consent, or none in time; anything else. */
    known: string;
    cancelled: string;
    unfit: string;
    doneTitle: string;
    done: string;
    instead: string;
  };
  /** A provider sent somebody back of whom nothing is known, or no more. */
  notRead: { title: string; about: string };
  noJourney: { title: string; about: string };
  totp: {
    title: string;
    about: string;
    qr: string;
    secret: string;
    digits: string;
    button: string;
    again: string;
    anew: string;
    start: string;
    incomplete: string;
    wrong: string;
    doneTitle: string;
    done: string;
  };
  /** What is said in other words where there is no code to be seen, only the link that holds it. */
  registrationLink: { link: string; away: string };
  fields: { code: string; password: string; repeat: string };
  /** Stands before the title, and above the summary. */
  problem: string;
  /** A link that works no more, or never did: which of it is told to nobody. */
  link: string;
  /** A link that lacks a part. */
  incomplete: string;
  noPage: { title: string; about: string };
  repeatDiffers: string;
  passwordTooLong: string;
  /** The form came without the cookie that belongs to it. */
  stale: string;
  tooManyTries: string;
  busy: string;
  away: string;
  fault: string;
  /** By what a new password lacks, and what else somebody with the right code may be told. */
  refusals: Partial<Record<Reason, string>> & { PASSWORD_EMPTY: string };
  /** Words in the metadata of failures. */
  units: Record<'bytes' | 'characters', string>;
}

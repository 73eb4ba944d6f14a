import type { MessageKind } from '../message.ts';

/**
 * What all messages say in one language. `{name}` stands for a value: displayName, organization, product, application,
 * code, validity (a duration in words). A sentence with the code ends with a full stop right behind it.
 */
export interface Texts {
  /** BCP 47. */
  language: string;
  greeting: string;
  /** To somebody without a name. */
  greetingWithoutName: string;
  code: string;
  validity: string;
  /** Stands above the link where the button cannot be pressed. */
  linkBelow: string;
  kinds: Record<MessageKind, KindTexts>;
}

export interface KindTexts {
  subject: string;
  /** What the message is about, a paragraph each. */
  about: readonly string[];
  /** The label of the link; undefined: there is none. */
  button: string | undefined;
  /** What to do if one did not ask for it. */
  notAsked: string;
  /** The whole SMS; a link that matters follows it. */
  sms: string;
}

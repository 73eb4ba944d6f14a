/** A message to a person: what it says and whom it goes to. Holds a code: it lies sealed in the database, in no log. */
export type Message = Content & Recipient;

export interface Recipient {
  channel: Channel;
  /** An e-mail address, or a number as E.164. */
  to: string;
  /** BCP 47, "und" when unknown. */
  language: string;
  userId: string;
  organizationId: string;
  loginName: string;
  displayName: string;
}

export const channels = ['email', 'sms'] as const;
export type Channel = (typeof channels)[number];

interface Code {
  code: string;
  /** When the code stops working; ISO 8601. */
  expiresAt: string;
}

interface Link {
  /** Undefined: the default page (kernel/links.ts). */
  urlTemplate?: string | undefined;
}

export type Content =
  | ({ kind: 'verify-email' } & Code & Link)
  | ({ kind: 'verify-phone' } & Code)
  | ({ kind: 'reset-password' } & Code & Link)
  | { kind: 'password-changed' }
  | ({ kind: 'invite'; applicationName: string } & Code & Link)
  | ({ kind: 'initialise'; passwordSet: boolean } & Code)
  | ({ kind: 'passkey-link'; codeId: string } & Code & Link)
  | ({ kind: 'otp'; sessionId: string } & Code & Link);

export type MessageKind = Content['kind'];

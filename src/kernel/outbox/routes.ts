import type { Outgoing } from '../http/client.ts';
import type { Sender } from './mail.ts';
import type { Channel } from './message.ts';

/** How the messages of a channel leave. */
export type Route =
  | { by: 'smtp'; server: SmtpServer; from: Sender; outgoing: Outgoing }
  | { by: 'webhook'; url: string; secret: string; outgoing: Outgoing }
  | { by: 'files'; folder: string; from: Sender }
  /** Messages wait in the queue. The problem is a sentence for the operator; undefined: nothing was configured. */
  | { by: 'nothing'; problem: string | undefined };

export type Routes = Readonly<Record<Channel, Route>>;

export interface SmtpServer {
  /** As a name or an address, IPv6 without brackets. */
  host: string;
  port: number;
  /** TLS from the first byte, after STARTTLS and not without it, or none at all. */
  security: 'tls' | 'starttls' | 'none';
  login: { user: string; password: string } | undefined;
}

import { eq } from 'drizzle-orm';
import type { App } from '../call.ts';
import { organizations } from '../db/schema.ts';
import { HttpClient } from '../http/client.ts';
import { fileTransport } from './files.ts';
import type { Deliver } from './lane.ts';
import { channels } from './message.ts';
import type { Posting, Transport } from './posting.ts';
import { render } from './render.ts';
import type { Route, Routes } from './routes.ts';
import type { Deliverers } from './sender.ts';
import { smtpTransport } from './smtp.ts';
import { webhookTransport } from './webhook.ts';

/** The ways out of this process, as the configuration wants them. */
export interface Delivery {
  deliver: Deliverers;
  close(): Promise<void>;
}

export function openDelivery(app: App, routes: Routes): Delivery {
  const [email, sms] = channels.map((channel) => transportOf(app, routes[channel]));
  return {
    deliver: { email: deliverBy(app, email), sms: deliverBy(app, sms) },
    close: async () => {
      await email?.close();
      await sms?.close();
    },
  };
}

/** Undefined when messages have to wait. */
function transportOf(app: App, route: Route): Transport | undefined {
  switch (route.by) {
    case 'smtp':
      return smtpTransport(route.server, route.from, route.outgoing);
    case 'webhook':
      return webhookTransport(new HttpClient(route.outgoing), route.url, route.secret, app.clock);
    case 'files':
      return fileTransport(route.folder, route.from, app.log);
    case 'nothing':
      return undefined;
  }
}

function deliverBy(app: App, transport: Transport | undefined): Deliver | undefined {
  if (!transport) return undefined;
  return async (letter, signal) => {
    const { message } = letter;
    const rendered = render(app.settings, message, await nameOf(app, message.organizationId), app.clock());
    const posting: Posting = { letter, rendered, host: new URL(app.settings.publicUrl).hostname };
    await transport.send(posting, signal);
  };
}

/** Empty when the organization is gone. */
async function nameOf({ db }: App, organizationId: string): Promise<string> {
  const where = eq(organizations.id, organizationId);
  const [row] = await db.select({ name: organizations.name }).from(organizations).where(where);
  return row?.name ?? '';
}

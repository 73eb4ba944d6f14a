import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { TestServer } from './server.ts';

/** What was written for an address or a number until now, oldest first: the text, below its receiver and subject. */
async function delivered({ dataDir }: TestServer, to: string): Promise<string[]> {
  const folder = join(dataDir, 'outbox');
  const names = await readdir(folder).catch(() => []);
  const whole = names.filter((name) => name.endsWith('.txt')).sort();
  const texts = await Promise.all(whole.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.filter((text) => text.startsWith(`To: ${to}\n`));
}

const patience = 10_000;

async function until<T>(look: () => Promise<T | undefined>, what: string): Promise<T> {
  const end = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await setTimeout(20);
  }
}

/** All messages to an address or a number, once there are that many. */
export const messagesTo = (server: TestServer, to: string, count = 1): Promise<string[]> =>
  until(async () => {
    const messages = await delivered(server, to);
    return messages.length >= count ? messages : undefined;
  }, `${count} messages to ${to}`);

/**
 * All messages to an address or a number that were queued before this call. What was queued at a time that a test has turned
 * back since is not due.
 */
export async function messagesUntilNow(server: TestServer, to: string): Promise<string[]> {
  const now = server.app.clock().toISOString();
  await until(async () => {
    const [row] = await server.sql`
      select from outbox where dead_at is null and (attempts > 0 or due_at <= ${now}) limit 1`;
    return row ? undefined : true;
  }, 'an empty outbox');
  return delivered(server, to);
}

/** The code in a message, in either language. */
export function codeIn(message: string | undefined): string {
  const code = /(?:Your code is|Ihr Code lautet) (\w+)\./.exec(message ?? '')?.[1];
  if (!code) throw new Error(`no code in ${message}`);
  return code;
}

/** The link in a mail. */
export function linkIn(mail: string | undefined): URL {
  const link = /^https?:\S+$/m.exec(mail ?? '')?.[0];
  if (!link) throw new Error(`no link in ${mail}`);
  return new URL(link);
}

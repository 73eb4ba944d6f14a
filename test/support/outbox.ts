import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createHuman, unique } from './actors.ts';
import type { TestServer } from './server.ts';

/** What was delivered to an address or a number until now, oldest first. */
async function delivered({ dataDir }: TestServer, to: string): Promise<string[]> {
  const folder = join(dataDir, 'outbox');
  const names = await readdir(folder).catch(() => []);
  const texts = await Promise.all(names.sort().map((name) => readFile(join(folder, name), 'utf8')));
  // A file that is still being written lacks its end.
  return texts.filter((text) => text.endsWith('\n') && (text.startsWith(`To: ${to}\r\n`) || text.startsWith(`${to}: `)));
}

const patience = 10_000;

/** All messages to an address or a number, once there are that many. */
export async function messagesTo(server: TestServer, to: string, count = 1): Promise<string[]> {
  const end = Date.now() + patience;
  for (;;) {
    const messages = await delivered(server, to);
    if (messages.length >= count) return messages;
    if (Date.now() > end) throw new Error(`${messages.length} of ${count} messages to ${to}`);
    await setTimeout(20);
  }
}

/** All messages to an address or a number that were queued before this call: they leave in order, so a later one tells. */
export async function messagesUntilNow(server: TestServer, to: string): Promise<string[]> {
  const email = `${unique('last')}@example.net`;
  await createHuman(server, { email: { email } });
  await messagesTo(server, email);
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

import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { DeliveryError } from './failure.ts';
import { mailOf, type Sender } from './mail.ts';
import type { Posting, Transport } from './posting.ts';

/**
 * Writes messages to a folder, readable by its owner only: what they say as .txt, for whoever looks in a terminal, and mails
 * before that as .eml too. The log says where.
 */
export const fileTransport = (folder: string, from: Sender, log: Logger): Transport => ({
  send: async (posting) => {
    const { id, message } = posting.letter;
    const { kind, channel } = message;
    const name = join(folder, `${String(id).padStart(8, '0')}-${kind}`);
    const file = `${name}.txt`;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      if (channel === 'email') await writeWhole(`${name}.eml`, await mime(posting, from));
      await writeWhole(file, plain(posting));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
      throw new DeliveryError('unreachable', `the folder for messages cannot be written (${code})`);
    }
    log.info({ file, kind }, 'message written');
  },
  close: async () => {},
});

function plain({ letter, rendered }: Posting): string {
  const { channel, to } = letter.message;
  return [`To: ${to}`, ...(channel === 'email' ? [`Subject: ${rendered.subject}`] : []), '', rendered.text].join('\n');
}

async function mime(posting: Posting, from: Sender): Promise<Buffer> {
  const { createTransport } = await import('nodemailer');
  const { message } = await createTransport({ streamTransport: true, buffer: true, newline: 'windows' }).sendMail(
    mailOf(posting, from),
  );
  return Buffer.isBuffer(message) ? message : Buffer.alloc(0);
}

/** Whoever waits for the file finds it whole. */
async function writeWhole(file: string, content: Buffer | string): Promise<void> {
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, content, { mode: 0o600 });
  await rename(draft, file);
}

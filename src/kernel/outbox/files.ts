import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { DeliveryError } from './failure.ts';
import { mailOf, type Sender } from './mail.ts';
import type { Posting, Transport } from './posting.ts';

/** Writes messages to a folder, mails as .eml and SMS as .txt, readable by its owner only. The log says where. */
export const fileTransport = (folder: string, from: Sender, log: Logger): Transport => ({
  send: async (posting) => {
    const { id, message } = posting.letter;
    const { kind, channel } = message;
    const file = join(folder, `${String(id).padStart(8, '0')}-${kind}.${channel === 'email' ? 'eml' : 'txt'}`);
    const content = channel === 'email' ? await mime(posting, from) : `To: ${message.to}\n\n${posting.rendered.text}`;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeWhole(file, content);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
      throw new DeliveryError('unreachable', `the folder for messages cannot be written (${code})`);
    }
    log.info({ file, kind }, 'message written');
  },
  close: async () => {},
});

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

// The queue with receivers of its own: the server's processes leave messages alone, for want of a way out.
import { beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { lockUser } from '../../../src/features/user/repository.ts';
import { transaction } from '../../../src/kernel/call.ts';
import { DeliveryError } from '../../../src/kernel/outbox/failure.ts';
import type { Deliver } from '../../../src/kernel/outbox/lane.ts';
import { enqueue } from '../../../src/kernel/outbox/outbox.ts';
import { maximumAttempts, take } from '../../../src/kernel/outbox/queue.ts';
import { type Deliverers, Sender } from '../../../src/kernel/outbox/sender.ts';
import { Sweeper } from '../../../src/kernel/sweeping/sweeper.ts';
import { operatorCall } from '../../../src/system.ts';
import { createHuman, unique } from '../../support/actors.ts';
import { epoch, startServer, type TestServer } from '../../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ env: { ROSTER_MESSAGE_FILES: 'off' } });
});

beforeEach(async () => {
  server.setTime(epoch);
  await server.sql`delete from outbox`;
});

/** Queues a mail. Returns its address. */
async function queueMail(): Promise<string> {
  const email = `${unique('queued')}@example.net`;
  await createHuman(server, { email: { email } });
  return email;
}

const queueMails = async (count: number): Promise<string[]> => Promise.all(Array.from({ length: count }, queueMail));

const queueSms = () => createHuman(server, { phone: { phone: '+41791234567' } });

const rows = () => server.sql<{ attempts: number; dueAt: Date; deadAt: Date | null; failure: string | null }[]>`
  select attempts, due_at as "dueAt", dead_at as "deadAt", failure from outbox order by id`;

const wake = () => server.sql`select pg_notify('roster_outbox', '')`;

/** Sends the queue's messages until the test is over, like a process of its own. */
async function startSender(deliver: Partial<Deliverers>, everyMs?: number): Promise<Sender> {
  const sender = new Sender(server.app, { email: undefined, sms: undefined, ...deliver });
  await sender.start(server.sql, everyMs);
  onTestFinished(() => sender.stop(0));
  return sender;
}

/** A receiver that writes down whom messages went to. */
function recorder(): { deliver: Deliver; seen: string[] } {
  const seen: string[] = [];
  return { seen, deliver: async ({ message }) => void seen.push(message.to) };
}

const minutesLater = (minutes: number) => server.setTime(new Date(epoch.getTime() + minutes * 60_000));

/** Until nothing in it fails any more. */
const eventually = (look: () => Promise<void> | void) => vi.waitFor(look, { timeout: 30_000, interval: 10 });
const empty = () => eventually(async () => expect(await rows()).toEqual([]));

describe('a message in the outbox', () => {
  test('is sealed, and there only if its transaction commits', async () => {
    const userId = await createHuman(server);
    const call = operatorCall(server.app);
    const work = (fails: boolean) =>
      transaction(call, async (tx) => {
        const user = await lockUser(tx, userId);
        if (!user) throw new Error('no user');
        const content = { kind: 'verify-email', code: 'SECRET', expiresAt: '2026-01-01T13:00:00Z' } as const;
        await enqueue(tx, { ...user, email: 'sealed@example.net' }, 'email', content);
        if (fails) throw new Error('undone');
      });
    await expect(work(true)).rejects.toThrow('undone');
    expect(await rows()).toEqual([]);
    await work(false);
    const [row] = await server.sql`select * from outbox`;
    expect(row).toMatchObject({ kind: 'verify-email', channel: 'email', attempts: 0 });
    for (const value of Object.values(row ?? {})) {
      const text = value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value);
      expect(text).not.toMatch(/SECRET|sealed@|example\.net/);
    }
  });

  test('goes with the user whom it is for, and nobody else’s does', async () => {
    const [leaving, staying] = [`${unique('leaving')}@example.net`, await queueMail()];
    const userId = await createHuman(server, { email: { email: leaving }, phone: { phone: '+41791234567' } });
    expect(await rows()).toHaveLength(3);
    await server.as().users.deleteUser({ userId });
    expect(await rows()).toHaveLength(1);
    const { seen, deliver } = recorder();
    await startSender({ email: deliver, sms: deliver });
    await empty();
    expect(seen).toEqual([staying]);
  });

  test('that was under way when its user was deleted does not come back', async () => {
    const userId = await createHuman(server, { email: { email: `${unique('leaving')}@example.net` } });
    const started = Promise.withResolvers<void>();
    const deleted = Promise.withResolvers<void>();
    let attempts = 0;
    const sender = await startSender({
      email: async () => {
        attempts++;
        started.resolve();
        await deleted.promise;
        throw new DeliveryError('deferred', 'not now');
      },
    });
    await started.promise;
    await server.as().users.deleteUser({ userId });
    deleted.resolve();
    await sender.stop(60_000);
    expect([await rows(), attempts]).toEqual([[], 1]);
  });

  test('without a code is news for a week', async () => {
    const email = { email: `${unique('news')}@example.net`, verification: { case: 'isVerified', value: true } } as const;
    const userId = await createHuman(server, { email });
    await server.as().users.setPassword({ userId, newPassword: { password: 'Secret-123-of-the-tests' } });
    const week = new Date(epoch.getTime() + 7 * 86_400_000);
    expect(await server.sql`select kind, expires_at as until from outbox`).toEqual([{ kind: 'password-changed', until: week }]);
  });
});

describe('a sender', () => {
  test('delivers each message once, and then the queue is empty', async () => {
    const { seen, deliver } = recorder();
    await startSender({ email: deliver });
    const emails = await queueMails(12);
    await empty();
    expect(seen.sort()).toEqual(emails.sort());
  });

  test('finds what was queued before it started', async () => {
    const email = await queueMail();
    const { seen, deliver } = recorder();
    await startSender({ email: deliver });
    await empty();
    expect(seen).toEqual([email]);
  });

  test('finds by itself what nobody told it of', async () => {
    await queueMail();
    await server.sql`create table kept as select * from outbox`;
    await server.sql`delete from outbox`;
    const { seen, deliver } = recorder();
    await startSender({ email: deliver }, 20);
    await server.sql`insert into outbox overriding system value select * from kept`;
    await server.sql`drop table kept`;
    await empty();
    expect(seen).toHaveLength(1);
  });

  test('forgets what expired before it could leave, a week after it was given up', async () => {
    await queueMails(6);
    const ids = (await server.sql<{ id: string }[]>`select id from outbox order by id`).map(({ id }) => id);
    const [gone, shown, alive, unending, waiting, unread] = ids;
    const at = (days: number, seconds = 0) => new Date(epoch.getTime() - days * 86_400_000 + seconds * 1000).toISOString();
    const set = (id = '', dead: string | null, expires: string | null) =>
      server.sql`update outbox set dead_at = ${dead}, expires_at = ${expires} where id = ${id}`;
    await set(gone, at(7), at(8));
    await set(shown, at(7, 1), at(8));
    await set(alive, at(8), at(0, 1));
    await set(unending, at(400), null);
    await set(waiting, null, at(-1));
    await set(unread, at(400), at(0));
    await new Sweeper(server.app).run();
    const left = (await server.sql<{ id: string }[]>`select id from outbox order by id`).map(({ id }) => id);
    expect(left).toEqual([shown, alive, unending, waiting]);
  });

  test('shares the work with other processes, and no message goes out twice', async () => {
    const { seen, deliver } = recorder();
    const { promise: all, resolve } = Promise.withResolvers<void>();
    let busy = 0;
    // Nobody gets on before ten are under way, which is more than one process has at once.
    const slowly: Deliver = async (letter, signal) => {
      if (++busy === 10) resolve();
      await all;
      await deliver(letter, signal);
    };
    const emails = await queueMails(30);
    await Promise.all([startSender({ email: slowly }), startSender({ email: slowly })]);
    await empty();
    expect(seen.sort()).toEqual(emails.sort());
  });

  test('lets no message wait for one that hangs or fails, and no channel for another one', async () => {
    const { seen, deliver } = recorder();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    onTestFinished(() => release());
    const [hanging, failing] = [await queueMail(), await queueMail()];
    for (let sms = 0; sms < 6; sms++) await queueSms();
    const others = await queueMails(10);
    await startSender({
      sms: () => held,
      email: async (letter, signal) => {
        if (letter.message.to === hanging) return held;
        if (letter.message.to === failing) throw new DeliveryError('deferred', 'not now');
        await deliver(letter, signal);
      },
    });
    await eventually(() => expect(seen).toHaveLength(10));
    expect(seen.sort()).toEqual(others.sort());
  });

  test('asks the database for nothing but: who takes it, and that it is done', async () => {
    await startSender({ email: recorder().deliver });
    await queueMail();
    await empty();
    server.statements();
    // One after the other, so that whatever one leaves behind is seen with the next.
    for (let mail = 0; mail < 3; mail++) {
      await queueMail();
      await empty();
    }
    const words = server.statements().flatMap((statement) => /^(update|delete from) "outbox"/.exec(statement)?.[1] ?? []);
    // Two processes look, the server's own and the test's; one strikes off.
    expect(words.sort()).toEqual([...Array(3).fill('delete from'), ...Array(6).fill('update')]);
  });
});

describe('a message that fails', () => {
  test('is tried again after 5 s, then after twice as long each time, up to 10 minutes, and given up after the last attempt', async () => {
    await queueMail();
    await startSender({
      email: async () => {
        throw new DeliveryError('unreachable', 'nobody there');
      },
    });
    let now = epoch.getTime();
    for (let attempt = 1; attempt < maximumAttempts; attempt++) {
      await eventually(async () => expect(await rows()).toMatchObject([{ attempts: attempt, failure: 'nobody there' }]));
      const pause = Math.min(600_000, 5000 * 2 ** (attempt - 1));
      const [row] = await rows();
      expect(row).toMatchObject({ dueAt: new Date(now + pause), deadAt: null });
      now += pause;
      // Its code would expire on the way.
      await server.sql`update outbox set expires_at = null`;
      server.setTime(new Date(now));
      await wake();
    }
    await eventually(async () => expect(await rows()).toMatchObject([{ attempts: maximumAttempts, deadAt: new Date(now) }]));
  });

  test('is not tried before it is due', async () => {
    await queueMail();
    let attempts = 0;
    await startSender({
      email: async () => {
        attempts++;
        throw new DeliveryError('deferred', 'not now');
      },
    });
    await eventually(async () => expect(await rows()).toMatchObject([{ failure: 'not now' }]));
    await wake();
    const { seen, deliver } = recorder();
    await startSender({ sms: deliver });
    await queueSms();
    await eventually(() => expect(seen).toHaveLength(1));
    expect(attempts).toBe(1);
  });

  test('is given up at once when it was refused for good', async () => {
    await queueMail();
    await startSender({
      email: async () => {
        throw new DeliveryError('refused', 'no such person');
      },
    });
    await eventually(async () => expect(await rows()).toMatchObject([{ attempts: 1, deadAt: epoch, failure: 'no such person' }]));
  });

  test('unexpectedly is tried again, and tells nothing of what was wrong', async () => {
    const email = await queueMail();
    await startSender({
      email: async ({ message }) => {
        throw new Error(`cannot read ${JSON.stringify(message)}`);
      },
    });
    await eventually(async () => expect(await rows()).toMatchObject([{ attempts: 1, deadAt: null, failure: 'Error' }]));
    expect(JSON.stringify(await rows())).not.toContain(email);
  });

  test('is not sent any more once its code has expired', async () => {
    await queueMail();
    const { seen, deliver } = recorder();
    minutesLater(61);
    await startSender({ email: deliver });
    await eventually(async () => expect(await rows()).toMatchObject([{ failure: 'expired', deadAt: server.app.clock() }]));
    expect(seen).toEqual([]);
  });
});

describe('nothing is lost, nothing goes out twice', () => {
  test('a message whose process died is taken by another one, after five minutes and not before', async () => {
    const email = await queueMail();
    expect(await take(server.app, 'email', 5)).toHaveLength(1);
    const { seen, deliver } = recorder();
    await startSender({ email: deliver });
    const other = await queueMail();
    await eventually(() => expect(seen).toEqual([other]));
    minutesLater(5);
    await wake();
    await empty();
    expect(seen).toEqual([other, email]);
  });

  test('what was accepted is struck off as soon as the database lets it, however late', async () => {
    const { seen, deliver } = recorder();
    await queueMail();
    server.statements();
    await startSender({
      email: async (letter, signal) => {
        await server.sql`alter table outbox rename to hidden`;
        await deliver(letter, signal);
      },
    });
    await eventually(() => expect(server.statements()).toContainEqual(expect.stringMatching(/^delete from "outbox"/)));
    minutesLater(10);
    await server.sql`alter table hidden rename to outbox`;
    await wake();
    await empty();
    expect(seen).toHaveLength(1);
  });

  test('a process that stops lets a delivery end, and breaks it off when that takes too long', async () => {
    const { seen, deliver } = recorder();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const patient = await startSender({
      email: async (letter, signal) => {
        started.resolve();
        await held;
        await deliver(letter, signal);
      },
    });
    await queueMail();
    await started.promise;
    const stopped = patient.stop(60_000);
    const unlistening = () => server.sql`
      select from pg_stat_activity where datname = current_database() and state = 'idle' and query ilike 'unlisten%'`;
    await eventually(async () => expect(await unlistening()).not.toEqual([]));
    release();
    await stopped;
    expect(seen).toHaveLength(1);
    expect(await rows()).toEqual([]);

    const hanging = await startSender({
      email: (_, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    await queueMail();
    await eventually(async () => expect(await rows()).toMatchObject([{ attempts: 1 }]));
    await hanging.stop(0);
    expect(await rows()).toMatchObject([{ attempts: 1, deadAt: null, failure: 'broken off when the process stopped' }]);
  });
});

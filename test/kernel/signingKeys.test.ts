// How signing keys follow each other: each is shown before it signs, and until what it signed has expired.
import { decodeProtectedHeader } from 'jose';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { AccessTokenType } from '../../gen/zitadel/user/v2/user_pb.ts';
import { accessTokenLifetimeMs } from '../../src/kernel/auth/accessTokens.ts';
import { aheadMs, nextTurn, shownKeys, signerIn, signingMs } from '../../src/kernel/auth/signingKeys.ts';
import { Sweeper } from '../../src/kernel/sweeping/sweeper.ts';
import { outcome } from '../support/errors.ts';
import { createClient, tokenBySecret } from '../support/oauth.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

const at = (ms: number) => new Date(epoch.getTime() + ms);

describe('the rule', () => {
  const turns = (...times: number[]) => times.map((ms) => ({ signsFrom: at(ms) }));
  test.each([
    ['the first signs at once', turns(), epoch],
    ['a young one has no next one', turns(1 - signingMs + aheadMs), undefined],
    ['an old one has one that signs when all have seen it', turns(aheadMs - signingMs), at(aheadMs)],
    ['that one is enough', turns(aheadMs - signingMs, aheadMs), undefined],
    ['after a long sleep the next one is shown first too', turns(-10 * signingMs), at(aheadMs)],
  ])('%s', (_, keys, expected) => {
    expect(nextTurn(keys, epoch)).toEqual(expected);
  });

  test('the last one whose turn it is signs', () => {
    const [first, second, third] = turns(-2, 0, 1);
    expect(signerIn(turns(-2, 0, 1), epoch)).toEqual(second);
    expect(signerIn(turns(-2), epoch)).toEqual(first);
    expect(signerIn(third ? [third] : [], epoch)).toBeUndefined();
  });
});

describe('a server', () => {
  let server: TestServer;
  let replica: TestServer;
  let client: Awaited<ReturnType<typeof createClient>>;

  beforeAll(async () => {
    server = await startServer();
    replica = await startServer({ beside: server });
    client = await createClient(server, AccessTokenType.JWT);
  });

  const setTime = (date: Date) => {
    server.setTime(date);
    replica.setTime(date);
  };
  const shown = async (on: TestServer): Promise<string[]> =>
    JSON.parse(await (await fetch(`${on.address}/oauth/v2/keys`)).text()).keys.map(({ kid }: { kid: string }) => kid);
  const signed = async () => {
    const token = await tokenBySecret(server, client.userId, client.secret);
    return { token, kid: decodeProtectedHeader(token).kid };
  };
  const taken = (token: string) => outcome(replica.as(token).users.listUsers({}));

  test('and its replicas make one key, kept sealed', async () => {
    const { sql } = server;
    const { making } = await sql.begin(async (held) => {
      await held`select from instances for update`;
      const all = [server, replica, server, replica].map(({ app }) => shownKeys(app, epoch));
      // All have made a pair, and wait to say so.
      await vi.waitFor(async () => expect(await sql`select from pg_locks where not granted`).toHaveLength(all.length), {
        timeout: 10_000,
      });
      return { making: all };
    });
    const made = await Promise.all(making);
    expect(new Set(made.map((keys) => keys.map(({ id }) => id).join())).size).toBe(1);
    expect(made[0]).toHaveLength(1);
    const stored = await server.sql<{ text: string }[]>`select encode(private_key, 'escape') as text from signing_keys`;
    expect(stored.map(({ text }) => text).join()).not.toContain('PRIVATE');
  });

  test('shows the next key before it signs, and the old one until what it signed has expired', async () => {
    const [first] = await shown(server);
    // The replica has read the keys before there is another one.
    expect(await taken((await signed()).token)).toBe('ok');
    setTime(at(signingMs - aheadMs - 1));
    expect(await shown(replica)).toEqual([first]);
    setTime(at(signingMs - aheadMs));
    const [, second] = await shown(replica);
    expect(await shown(server)).toEqual([first, second]);
    setTime(at(signingMs - 1));
    const last = await signed();
    expect(last.kid).toBe(first);
    setTime(at(signingMs));
    const next = await signed();
    expect(next.kid).toBe(second);
    expect(second).toMatch(/^\d{18}$/);
    expect([await taken(last.token), await taken(next.token)]).toEqual(['ok', 'ok']);
    await new Sweeper(server.app).run();
    expect(await shown(replica)).toEqual([first, second]);
    setTime(at(signingMs + accessTokenLifetimeMs - 2));
    expect(await taken(last.token)).toBe('ok');
    expect(await shown(server)).toEqual([first, second]);
    setTime(at(signingMs + accessTokenLifetimeMs + 3_600_000));
    expect(await shown(server)).toEqual([second]);
    await new Sweeper(server.app).run();
    expect(await server.sql`select id from signing_keys`).toEqual([{ id: second }]);
  });
});

// The keys that sign what we give out as JWTs, and the one rule of how they follow each other: a key is shown before it signs,
// so that whoever verifies has it in time, signs until the next one does, and is shown until all that it signed has expired.
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { asc, gt, isNull, or } from 'drizzle-orm';
import type { App } from '../call.ts';
import { open, seal } from '../crypto/seal.ts';
import { transact } from '../db/client.ts';
import type { Db } from '../db/driver.ts';
import { instances, signingKeys } from '../db/schema.ts';
import { accessTokenLifetimeMs } from './accessTokens.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Milliseconds from a key's first signature to the next key's. */
export const signingMs = 30 * dayMs;
/** Milliseconds that a key is shown before it signs: whoever keeps our keys asks again sooner. */
export const aheadMs = dayMs;
/** Milliseconds that a key is shown after the last token that it signed has expired: clocks differ. */
const afterMs = hourMs;
/** What RS256 is signed with (RFC 7518, 3.3: 2048 at least). */
const bits = 2048;

type Row = typeof signingKeys.$inferSelect;
type Turn = Pick<Row, 'signsFrom'>;

/** Of keys in the order of their turns, the one that signs now. */
export const signerIn = <T extends Turn>(keys: readonly T[], now: Date): T | undefined =>
  keys.findLast(({ signsFrom }) => signsFrom <= now);

/** When the next key signs, if it has to be made now; the first one signs at once. */
export function nextTurn(keys: readonly Turn[], now: Date): Date | undefined {
  const last = keys.at(-1);
  if (!last) return now;
  const shownFrom = last.signsFrom.getTime() + signingMs - aheadMs;
  return shownFrom <= now.getTime() ? new Date(now.getTime() + aheadMs) : undefined;
}

/** Until when a key is shown whose successor signs from then on. */
const shownUntil = (turn: Date) => new Date(turn.getTime() + accessTokenLifetimeMs + afterMs);

/** Those that are shown, in the order of their turns. */
const findShown = (db: Db, now: Date): Promise<Row[]> =>
  db
    .select()
    .from(signingKeys)
    .where(or(isNull(signingKeys.publishedUntil), gt(signingKeys.publishedUntil, now)))
    .orderBy(asc(signingKeys.signsFrom), asc(signingKeys.id));

type Parts = Pick<App, 'db' | 'keys' | 'ids'>;

/** The keys to show now; makes the next one when it is time for it. */
export async function shownKeys(app: Parts, now: Date): Promise<Row[]> {
  const shown = await findShown(app.db, now);
  if (!nextTurn(shown, now)) return shown;
  await addKey(app, now);
  return findShown(app.db, now);
}

const generate = promisify(generateKeyPair);

/** Made before anybody waits for it; of several processes that make one at a time, the first one's counts. */
async function addKey({ db, keys, ids }: Parts, now: Date): Promise<void> {
  const { publicKey, privateKey } = await generate('rsa', {
    modulusLength: bits,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  await transact(db, async (tx) => {
    await tx.select({ id: instances.id }).from(instances).for('update');
    const signsFrom = nextTurn(await findShown(tx, now), now);
    if (!signsFrom) return;
    const id = ids.next();
    await tx
      .update(signingKeys)
      .set({ publishedUntil: shownUntil(signsFrom) })
      .where(isNull(signingKeys.publishedUntil));
    await tx.insert(signingKeys).values({ id, publicKey, privateKey: seal(keys.seal, placeOf(id), privateKey), signsFrom });
  });
}

const placeOf = (id: string) => `signing_keys/${id}`;

/** What signs now, with its id. */
export async function currentSigner(app: Parts, now: Date): Promise<{ id: string; privateKey: KeyObject }> {
  const row = signerIn(await shownKeys(app, now), now);
  if (!row) throw new Error('no key signs');
  return { id: row.id, privateKey: createPrivateKey(open(app.keys.seal, placeOf(row.id), row.privateKey)) };
}

export const publicKeyOf = ({ publicKey }: Pick<Row, 'publicKey'>): KeyObject =>
  createPublicKey({ key: publicKey, type: 'spki', format: 'der' });

/** What was read last, by id: a key never changes. */
const known = new WeakMap<Db, Promise<ReadonlyMap<string, KeyObject>>>();

/** The public key of an id. One that is not known has them read again: that costs no more than any other wrong token. */
export async function verifierOf({ db }: Pick<App, 'db'>, id: string, now: Date): Promise<KeyObject | undefined> {
  const kept = await known.get(db)?.catch(() => undefined);
  const found = kept?.get(id);
  if (found) return found;
  const reading = findShown(db, now).then((rows) => new Map(rows.map((row) => [row.id, publicKeyOf(row)])));
  known.set(db, reading);
  return (await reading).get(id);
}

import { timingSafeEqual } from 'node:crypto';
import { newToken, tokenHash } from '../../kernel/auth/tokens.ts';
import type { App } from '../../kernel/call.ts';
import { transact } from '../../kernel/db/client.ts';
import type { Db } from '../../kernel/db/driver.ts';
import { textKey } from '../../kernel/names.ts';
import { findInstance, insertFirst, lockSetup } from './setupRepository.ts';

/** The first owner's token lives long: it is what a fresh installation is opened with. */
const firstTokenYears = 10;

export class WrongMasterKey extends Error {
  override name = 'WrongMasterKey';
}

/**
 * Makes the instance, its first organization and an owner, once, whichever of many processes comes first. `keep` gets
 * the owner's token before anything is committed, so that there is no installation whose token nobody has.
 * Throws WrongMasterKey when the data was written under another master key.
 */
export async function setUp(app: App, keep: (token: string) => Promise<void>): Promise<void> {
  await transact(app.db, async (db) => {
    await lockSetup(db);
    const instance = await findInstance(db);
    if (!instance) return createInstance({ ...app, db }, keep);
    refuseOtherKey(app, instance.keyProof);
  });
}

/** WrongMasterKey when there is data and it was written under another master key. */
export async function checkMasterKey(app: App): Promise<void> {
  const instance = await findInstance(app.db);
  if (instance) refuseOtherKey(app, instance.keyProof);
}

function refuseOtherKey({ keys }: App, keyProof: Buffer): void {
  if (!timingSafeEqual(keyProof, keys.proof)) throw new WrongMasterKey('the data was written under another master key');
}

async function createInstance(app: App & { db: Db }, keep: (token: string) => Promise<void>): Promise<void> {
  const now = app.clock();
  const token = newToken();
  const expiresAt = new Date(now);
  expiresAt.setUTCFullYear(now.getUTCFullYear() + firstTokenYears);
  const name = app.settings.productName;
  await insertFirst(app.db, {
    instance: { id: app.ids.next(), keyProof: app.keys.proof },
    organization: { id: app.ids.next(), name, nameKey: textKey(name), primaryDomain: new URL(app.settings.publicUrl).hostname },
    owner: { id: app.ids.next(), username: 'admin', usernameKey: 'admin', name: 'Administrator' },
    token: { id: app.ids.next(), hash: tokenHash(app.keys, token), expiresAt },
    now,
  });
  await keep(token);
}

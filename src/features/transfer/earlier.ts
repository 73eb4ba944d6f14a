import { createHash } from 'node:crypto';
import { textKey } from '../../kernel/names.ts';
import { accountKey, type Facts, placed } from './factsRepository.ts';
import type { Candidate } from './prepare.ts';

/**
 * What the earlier lines of a rehearsal took. In the memory of this process, because a table of the session would need the
 * session for as long as the file is: at most 22 bytes for each id, username, verified address and linked
 * account. Those are 64 bits of
 * their hash, of which two of thirty million are alike by accident once in forty thousand files.
 */
export class Earlier {
  #slots = new BigUint64Array(4096);
  #count = 0;

  /** Remembers what a line took. */
  add({ id, organizationId, usernameKey, user: { details } }: Candidate): void {
    this.#add(keys.id(id));
    this.#add(keys.username(usernameKey));
    if (details.type === 'machine') return;
    for (const account of details.links) this.#add(keys.account(accountKey(account)));
    if (details.email.verification.kind === 'verified')
      this.#add(keys.email(placed(organizationId, textKey(details.email.address))));
  }

  /** Tells of these candidates what earlier lines took of theirs, as if the lines had become users. */
  tell(candidates: readonly Candidate[], facts: Facts): void {
    for (const { id, organizationId, usernameKey, user } of candidates) {
      const place = placed(organizationId, usernameKey);
      if (this.#has(keys.id(id))) facts.owners.set(id, { deleted: false, organizationId, sequence: 0n });
      if (this.#has(keys.username(usernameKey))) facts.usernameKeys.add(usernameKey);
      if (this.#has(keys.email(place))) facts.verifiedEmails.add(place);
      if (user.details.type === 'machine') continue;
      for (const account of user.details.links.map(accountKey)) if (this.#has(keys.account(account))) facts.accounts.add(account);
    }
  }

  #has(key: bigint): boolean {
    return this.#slots[this.#slotOf(key)] === key;
  }

  #add(key: bigint): void {
    const slot = this.#slotOf(key);
    if (this.#slots[slot] === key) return;
    this.#slots[slot] = key;
    if (++this.#count * 4 > this.#slots.length * 3) this.#grow();
  }

  /** Where a key stands, or the free slot where it would. */
  #slotOf(key: bigint): number {
    const last = this.#slots.length - 1;
    let slot = Number(key & BigInt(last));
    while (this.#slots[slot] !== free && this.#slots[slot] !== key) slot = (slot + 1) & last;
    return slot;
  }

  #grow(): void {
    const keys = this.#slots;
    this.#slots = new BigUint64Array(keys.length * 2);
    for (const key of keys) if (key !== free) this.#slots[this.#slotOf(key)] = key;
  }
}

const free = 0n;

const keyOf = (kind: string) => (text: string) => createHash('sha256').update(`${kind}/${text}`).digest().readBigUInt64LE() || 1n;

const keys = { id: keyOf('id'), username: keyOf('username'), email: keyOf('email'), account: keyOf('account') };

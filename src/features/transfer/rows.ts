import { setImmediate } from 'node:timers/promises';
import type { Call, UserRow } from '../../kernel/call.ts';
import { textKey } from '../../kernel/names.ts';
import { columnsOf } from '../lifecycle/create.ts';
import { importedRow } from '../totp/service.ts';
import type { UserEvent } from '../user/events.ts';
import { type Candidate, slice } from './prepare.ts';
import { type NewRows, written } from './repository.ts';

/** The rows of candidates who never were here, by their lines. */
export async function makeRows(call: Call, candidates: readonly Candidate[]): Promise<Map<number, NewRows>> {
  const rows = new Map<number, NewRows>();
  for (const [index, candidate] of candidates.entries()) {
    if (index % slice === 0) await setImmediate();
    rows.set(candidate.line, rowsOf(call, candidate, 0n));
  }
  return rows;
}

/**
 * Everything that a user consists of, as addUser would write it. `sequenceBefore` is the last sequence of a deleted user
 * whose id it was; 0 without one.
 */
export function rowsOf(call: Call, candidate: Candidate, sequenceBefore: bigint): NewRows {
  const { id, organizationId, username, usernameKey, record, user, hash } = candidate;
  const { state = 'active', createdAt = call.now, passwordChangedAt = call.now, passwordChangeRequired = false } = record;
  const events = eventsOf(candidate, state);
  const row = {
    ...{ id, organizationId, username, usernameKey, type: user.details.type, state },
    ...{ sequence: sequenceBefore + BigInt(events.length), createdAt, changedAt: call.now },
    ...columnsOf(user.details),
    ...(hash !== undefined && { passwordChangeRequired, passwordChangedAt }),
  };
  const times = { createdAt: call.now, changedAt: call.now };
  return {
    user: [written.user(row)],
    metadata: user.metadata.map(({ key, value }) =>
      written.metadata({ userId: id, key, keyKey: textKey(key), value: Buffer.from(value), ...times }),
    ),
    password: hash === undefined ? [] : [written.password({ userId: id, hash })],
    totp: record.totpSecret === undefined ? [] : [written.totp(importedRow(call, id, record.totpSecret))],
    link: linksOf(candidate).map((account) =>
      written.link({ ...account, userId: id, externalKey: textKey(account.externalId), createdAt: call.now }),
    ),
    event: events.map(({ type, ...payload }, index) => {
      const sequence = sequenceBefore + BigInt(index + 1);
      const callerId = call.caller.id;
      return written.event({ userId: id, sequence, organizationId, type, payload, callerId, createdAt: call.now });
    }),
  };
}

const linksOf = ({ user: { details } }: Candidate) => (details.type === 'human' ? details.links : []);

/** The history that the same user would have whom single calls had made. */
function eventsOf(candidate: Candidate, state: UserRow['state']) {
  const { user, hash, record } = candidate;
  const events: UserEvent[] = [{ type: 'user.created' }];
  if (user.metadata.length > 0) events.push({ type: 'metadata.set', keys: user.metadata.map(({ key }) => key) });
  if (hash !== undefined) events.push({ type: 'password.changed' });
  if (record.totpSecret !== undefined) events.push({ type: 'totp.added' });
  for (const { providerId } of linksOf(candidate)) events.push({ type: 'link.added', provider: providerId });
  if (state !== 'active') events.push({ type: 'state.changed', from: 'active', to: state });
  return events;
}

import type { Tx, UserRow } from '../../kernel/call.ts';
import { textKey } from '../../kernel/names.ts';
import { columnsOf } from '../lifecycle/create.ts';
import { importedRow } from '../totp/service.ts';
import type { UserEvent } from '../user/events.ts';
import type { Admitted } from './judge.ts';
import type { NewRows } from './repository.ts';

/** Everything that these users consist of, as addUser would write it for each. */
export function rowsOf(tx: Tx, admitted: readonly Admitted[]): NewRows {
  const rows: NewRows = { users: [], metadata: [], passwords: [], totps: [], events: [], revived: [] };
  for (const each of admitted) addRows(tx, rows, each);
  return rows;
}

function addRows(tx: Tx, rows: NewRows, { id, organizationId, username, usernameKey, ...admitted }: Admitted): void {
  const { record, user, password, sequenceBefore } = admitted;
  const { state = 'active', createdAt = tx.now, passwordChangedAt = tx.now } = record;
  const events = eventsOf(admitted, state);
  rows.users.push({
    ...{ id, organizationId, username, usernameKey, type: user.details.type, state },
    ...{ sequence: sequenceBefore + BigInt(events.length), createdAt, changedAt: tx.now },
    ...columnsOf(user.details),
    ...(password && { passwordChangeRequired: password.input.changeRequired, passwordChangedAt }),
  });
  for (const { key, value } of user.metadata)
    rows.metadata.push({
      ...{ userId: id, key, keyKey: textKey(key), value: Buffer.from(value) },
      ...{ createdAt: tx.now, changedAt: tx.now },
    });
  if (password?.refusal) throw new Error('a password that its policy refuses was admitted');
  if (password) rows.passwords.push({ userId: id, hash: password.hash });
  if (record.totpSecret !== undefined) rows.totps.push(importedRow(tx, id, record.totpSecret));
  for (const [index, { type, ...payload }] of events.entries()) {
    const sequence = sequenceBefore + BigInt(index + 1);
    rows.events.push({ userId: id, sequence, organizationId, type, payload, callerId: tx.caller.id, createdAt: tx.now });
  }
  if (sequenceBefore > 0n) rows.revived.push(id);
}

/** The history that the same user would have whom single calls had made. */
function eventsOf({ user, password, record }: Pick<Admitted, 'user' | 'password' | 'record'>, state: UserRow['state']) {
  const events: UserEvent[] = [{ type: 'user.created' }];
  if (user.metadata.length > 0) events.push({ type: 'metadata.set', keys: user.metadata.map(({ key }) => key) });
  if (password) events.push({ type: 'password.changed' });
  if (record.totpSecret !== undefined) events.push({ type: 'totp.added' });
  if (state !== 'active') events.push({ type: 'state.changed', from: 'active', to: state });
  return events;
}

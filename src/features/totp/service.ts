// Owns: the TOTP factor of a person: its secret, sealed at rest, and that each code is taken once. Leaves the algorithm
// (RFC 6238) to otpauth, the counting of tries to kernel/guessing.
import { Secret, TOTP } from 'otpauth';
import { forgetFactor } from '../../kernel/auth/sessions.ts';
import type { App, Call, Tx, UserRow } from '../../kernel/call.ts';
import { open, seal } from '../../kernel/crypto/seal.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { type Details, record } from '../user/events.ts';
import { type Changed, changePerson } from '../user/person.ts';
import { tryOnce } from '../user/tries.ts';
import { deleteTotp, findTotp, insertTotp, replaceTotp, type TotpRow, takeStep } from './repository.ts';

/** RFC 4226, section 4, R6 recommends 160 bits. */
export const secretBytes = 20;
const periodSeconds = 30;
const shape = { algorithm: 'SHA1', digits: 6, period: periodSeconds } as const;
/** ASCII only: otpauth throws at what is as many characters, but more bytes. */
const codeForm = new RegExp(`^[0-9]{${shape.digits}}$`);
/** Time steps that a code may be early or late (RFC 6238, section 5.2). */
const windowSteps = 1;

export interface Enrolment {
  /** `otpauth://…`, for a QR code. */
  uri: string;
  /** Base32 without padding. */
  secret: string;
}

/** A new secret, which counts from the first right code on; one that was never verified is replaced. TOTP_EXISTS. */
export function registerTOTP(call: Call, userId: string): Promise<Changed<Enrolment>> {
  return changePerson(call, userId, { unknown: 'USER_UNKNOWN' }, enrol);
}

/** The step of `registerTOTP`, for the page as well. */
export async function enrol(tx: Tx, user: UserRow): Promise<Enrolment> {
  if ((await findTotp(tx, user.id))?.ready) throw failure('TOTP_EXISTS');
  const secret = new Secret({ size: secretBytes });
  await replaceTotp(tx, rowOf(tx, user.id, secret.base32, false));
  await record(tx, user.id, { type: 'totp.registered' });
  const label = user.username || user.email;
  return { uri: new TOTP({ ...shape, issuer: tx.settings.productName, label, secret }).toString(), secret: secret.base32 };
}

/** Whether the app has the secret: TOTP_NOT_FOUND, TOTP_READY, CODE_WRONG, TRIED_TOO_OFTEN. */
export async function verifyTOTPRegistration(call: Call, userId: string, code: string): Promise<Details> {
  const { details } = await tryOnce(call, userId, {
    options: { unknown: 'TOTP_NOT_FOUND' },
    kind: 'otp',
    wrong: 'CODE_WRONG',
    look: (tx, user) => confirm(tx, user, code),
  });
  return details;
}

/** The step of `verifyTOTPRegistration`, for the page as well: true when the code is right and the factor ready now. */
export async function confirm(tx: Tx, user: UserRow, code: string): Promise<boolean> {
  const row = await findTotp(tx, user.id);
  if (!row) throw failure('TOTP_NOT_FOUND');
  if (row.ready) throw failure('TOTP_READY');
  if (user.state !== 'active') throw failure('USER_NOT_ACTIVE');
  if (!(await takeCode(tx, row, code))) return false;
  await record(tx, user.id, { type: 'totp.added' });
  return true;
}

/** TOTP_NOT_FOUND when there is none, pending or ready. */
export async function removeTOTP(call: Call, userId: string): Promise<Details> {
  const { details } = await changePerson(call, userId, { initial: true }, async (tx) => {
    if (!(await deleteTotp(tx, userId))) throw failure('TOTP_NOT_FOUND');
    await forgetFactor(tx, userId, { kind: 'totp' });
    await record(tx, userId, { type: 'totp.removed' });
    return {};
  });
  return details;
}

/**
 * Whether a code is the ready factor's, of a time step that none was taken of yet; it is taken with the answer. Undefined
 * without a ready factor. Tries are counted by the caller (kernel/guessing).
 */
export async function checkTotp(tx: Tx, userId: string, code: string): Promise<boolean | undefined> {
  const row = await findTotp(tx, userId);
  return row?.ready ? takeCode(tx, row, code) : undefined;
}

async function takeCode(tx: Tx, row: TotpRow, code: string): Promise<boolean> {
  if (!codeForm.test(code)) return false;
  const secret = Secret.fromBase32(openSecret(tx, row));
  const delta = new TOTP({ ...shape, secret }).validate({ token: code, timestamp: tx.now.getTime(), window: windowSteps });
  if (delta === null) return false;
  return takeStep(tx, row.userId, Math.floor(tx.now.getTime() / 1000 / periodSeconds) + delta);
}

/**
 * Refuses a secret that is not base32 (RFC 4648, section 6; letter case and padding make no difference). One character
 * holds no byte: anybody could compute the codes.
 */
export function checkSecret(secret: string, field: string): void {
  if (!/^[a-z2-7]{2,}=*$/i.test(secret)) throw invalidField('TOTP_SECRET_INVALID', field);
}

/** Takes over a secret that the person's app holds already: the factor is ready at once. */
export async function importTotp(tx: Tx, userId: string, secret: string): Promise<void> {
  await insertTotp(tx, importedRow(tx, userId, secret));
  await record(tx, userId, { type: 'totp.added' });
}

/** The row of a secret that is taken over. */
export const importedRow = (app: Pick<App, 'keys'>, userId: string, secret: string): TotpRow =>
  rowOf(app, userId, secret.replace(/=+$/, '').toUpperCase(), true);

const rowOf = ({ keys }: Pick<App, 'keys'>, userId: string, secret: string, ready: boolean): TotpRow => ({
  userId,
  secret: seal(keys.seal, sealPlace(userId), secret),
  ready,
  lastStep: null,
});

/** The secret in base32. */
export const openSecret = ({ keys }: Pick<App, 'keys'>, { userId, secret }: TotpRow): string =>
  open(keys.seal, sealPlace(userId), secret);

const sealPlace = (userId: string) => `totp/${userId}`;

// What runs in the browser. Signing in goes through the login backend; everything else this page asks of Roster directly,
// as the person: the session's token is the bearer token, and people may read and change themselves without any role.
import { createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-web';
import { type PublicKeyCredentialRequestOptionsJSON, startAuthentication } from '@simplewebauthn/browser';
import { renderSVG } from 'uqr';
import { UserService } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { refusalOf } from '../refusal.ts';

/** Put in by the bundler. */
declare const ROSTER_URL: string;

/** Who is signed in. Kept here and nowhere else: what lies in localStorage outlives the tab, and any script can take it. */
let token = '';
let userId = '';

const transport = createConnectTransport({
  baseUrl: ROSTER_URL,
  interceptors: [
    (next) => (request) => {
      request.header.set('authorization', `Bearer ${token}`);
      return next(request);
    },
  ],
});
const users = createClient(UserService, transport);

/** A sentence for the person. */
class Problem extends Error {
  readonly ended: boolean;
  constructor(sentence: string, ended = false) {
    super(sentence);
    this.ended = ended;
  }
}

async function ask<T>(action: string, body: object = {}): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`/sign-in/${action}`, { method: 'POST', headers, body: JSON.stringify(body) });
  const told = await response.json();
  if (!response.ok) throw new Problem(told.problem, response.status === 401);
  return told;
}

async function enter(signedIn: { token: string; userId: string }): Promise<void> {
  ({ token, userId } = signedIn);
  await showAccount();
}

async function showAccount(): Promise<void> {
  const { user } = await users.getUserByID({ userId });
  const profile = user?.type.case === 'human' ? user.type.value.profile : undefined;
  element('who').textContent = `${profile?.givenName} ${profile?.familyName} (${user?.preferredLoginName})`;
  inputOf('rename').value = profile?.givenName ?? '';
  show('account');
}

async function showSecondFactors(): Promise<void> {
  const has = await ask<{ totp: boolean; key: boolean; passkey: boolean }>('secondFactors');
  element('totp').hidden = !has.totp;
  element('useKey').hidden = !has.key;
  element('usePasskey').hidden = !has.passkey;
  show('second');
}

/** Has the browser sign what the backend got from Roster. */
async function sign({ publicKey }: { publicKey: PublicKeyCredentialRequestOptionsJSON }): Promise<void> {
  const assertion = await startAuthentication({ optionsJSON: publicKey }).catch(() => {
    throw new Problem('Nothing was signed: cancelled, or no passkey or key that fits.');
  });
  await enter(await ask('assertion', { assertion: JSON.stringify(assertion) }));
}

function leave(why: string): void {
  token = '';
  for (const form of document.forms) form.reset();
  element('verify').hidden = true;
  show('signIn');
  element('problem').textContent = why;
}

/** Does what the person asked for. What stands in its way decides what is shown next. */
async function attempt(work: () => Promise<void>): Promise<void> {
  element('problem').textContent = '';
  try {
    await work();
  } catch (error) {
    const refusal = refusalOf(error);
    switch (refusal?.reason) {
      // Roster wants more than was proven so far: from the start, or since the person set up a second factor.
      case 'MFA_NEEDED':
        return attempt(showSecondFactors);
      // Signed out elsewhere, expired, locked, …: callers are not told which.
      case 'UNAUTHENTICATED':
        return leave('Your session has ended. Sign in again.');
    }
    if (error instanceof Problem && error.ended) return leave(error.message);
    const sentence = error instanceof Problem ? error.message : refusal?.reason && refusal.sentence;
    element('problem').textContent = sentence || 'The service cannot be reached. Try again later.';
  }
}

submitted('password', async (fields) => enter(await ask('password', fields)));
submitted('totp', async (fields) => enter(await ask('totp', fields)));
submitted('rename', async ({ givenName = '' }) => {
  await users.updateUser({ userId, userType: { case: 'human', value: { profile: { givenName } } } });
  await showAccount();
});
submitted('verify', async ({ code = '' }) => {
  await users.verifyTOTPRegistration({ userId, code });
  element('verify').hidden = true;
  // From now on Roster wants the app's code in this session as well. It says so with this call: the next code, not this one.
  await showAccount();
});

clicked('#passkey', async () => sign(await ask('passkey', { loginName: inputOf('password').value })));
clicked('#useKey', async () => sign(await ask('challenge', { kind: 'key' })));
clicked('#usePasskey', async () => sign(await ask('challenge', { kind: 'passkey' })));
clicked('#register', async () => {
  const { uri, secret } = await users.registerTOTP({ userId });
  element('qr').setAttribute('src', `data:image/svg+xml,${encodeURIComponent(renderSVG(uri, { border: 4 }))}`);
  element('secret').textContent = secret;
  element('verify').hidden = false;
});
clicked('.signOut', async () => {
  await ask('signOut');
  leave('');
});

void attempt(async () => {
  const known = await ask<{ token: string; userId: string } | null>('resume');
  if (known) await enter(known);
  else leave('');
});

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

/** The first one of a form. */
function inputOf(form: string): HTMLInputElement {
  const found = element(form).querySelector('input');
  if (!found) throw new Error(`the form ${form} has no field`);
  return found;
}

function show(id: string): void {
  for (const section of document.querySelectorAll('section')) section.hidden = section.id !== id;
}

function submitted(form: string, work: (fields: Record<string, string>) => Promise<void>): void {
  element(form).addEventListener('submit', (event) => {
    event.preventDefault();
    const inputs = [...element(form).querySelectorAll('input')];
    const fields = Object.fromEntries(inputs.map(({ name, value }) => [name, value]));
    for (const input of inputs) if (input.dataset.once !== undefined) input.value = '';
    void attempt(() => work(fields));
  });
}

function clicked(selector: string, work: () => Promise<void>): void {
  for (const button of document.querySelectorAll(selector)) button.addEventListener('click', () => void attempt(work));
}

// Creates a person, verifies the address, finds, locks and deletes the person: with Connect-Web and code that buf generates.
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-web';
import { ErrorInfoSchema } from '../../../gen/google/rpc/error_details_pb.ts';
import { UserService } from '../../../gen/zitadel/user/v2/user_service_pb.ts';

/** Put in by the bundler. */
declare const ROSTER_URL: string;

/** With the token of whoever sits before the page. One that is built into a page is everybody's. */
function signIn(token: string) {
  const transport = createConnectTransport({
    baseUrl: ROSTER_URL,
    interceptors: [
      (next) => (request) => {
        request.header.set('authorization', `Bearer ${token}`);
        return next(request);
      },
    ],
  });
  return createClient(UserService, transport);
}

/** What went wrong, for programs: one of docs/errors.md. Messages may change, reasons do not. */
function reasonOf(error: ConnectError): string {
  return error.findDetails(ErrorInfoSchema)[0]?.reason ?? Code[error.code];
}

async function run(token: string): Promise<void> {
  const users = signIn(token);

  const email = `ada-${crypto.getRandomValues(new Uint32Array(1))[0]}@example.com`;
  const { userId, emailCode: verificationCode = '' } = await users.addHumanUser({
    profile: { givenName: 'Ada', familyName: 'Lovelace' },
    // The code comes back in the answer, for a mail of your own; with sendCode, Roster sends it.
    email: { email, verification: { case: 'returnCode', value: {} } },
  });
  show('created ', userId);

  await users.verifyEmail({ userId, verificationCode });
  show('verified', email);

  const byEmail = { query: { case: 'emailQuery', value: { emailAddress: email } } } as const;
  const { result } = await users.listUsers({ queries: [byEmail] });
  show('found   ', result[0]?.preferredLoginName);

  // From now on the person's sessions and tokens are worth nothing.
  await users.lockUser({ userId });
  show('locked  ', userId);

  await users.deleteUser({ userId });
  show('deleted ', userId);

  try {
    await users.getUserByID({ userId });
  } catch (error) {
    if (!(error instanceof ConnectError && error.code === Code.NotFound)) throw error;
    show('refused ', reasonOf(error));
    return;
  }
  throw new Error('the user is still there');
}

function show(step: string, what = ''): void {
  document.querySelector('[role=status]')?.append(`${step} ${what}\n`);
}

document.querySelector('form')?.addEventListener('submit', async (event) => {
  event.preventDefault();
  for (const place of document.querySelectorAll('[role]')) place.textContent = '';
  const problem = await run(document.querySelector('input')?.value ?? '').catch((error: Error) => error.message);
  document.querySelector('[role=alert]')?.append(problem ?? '');
});

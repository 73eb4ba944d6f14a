// Creates a person, verifies the address, finds, locks and deletes the person: with Zitadel's SDK for TypeScript, as it is.
import { createPrivateKey, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Code, ConnectError } from '@connectrpc/connect';
import { createServerTransport, newSystemToken } from '@zitadel/client/node';
import { createUserServiceClient } from '@zitadel/client/v2';
import { ErrorDetailSchema } from '@zitadel/proto/zitadel/message_pb.js';

const { ROSTER_URL: url = 'http://localhost:8080', ROSTER_TOKEN: givenToken = '', ROSTER_KEY_FILE: keyFile } = process.env;

/** By a key or by a token, whichever is given. */
async function signIn(): Promise<string> {
  if (!keyFile) return givenToken;
  const { userId, key } = JSON.parse(readFileSync(keyFile, 'utf8'));
  // The SDK wants the key as PKCS #8, the file has it as PKCS #1.
  const pkcs8 = createPrivateKey(key).export({ type: 'pkcs8', format: 'pem' }).toString();
  const assertion = await newSystemToken({ audience: url, subject: userId, key: pkcs8, expirationTime: '1m' });
  const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion };
  const response = await fetch(`${url}/oauth/v2/token`, { method: 'POST', body: new URLSearchParams(grant) });
  const answer: Record<string, string> = Object(await response.json());
  // It holds for `expires_in` seconds; what runs for longer asks for another one in time.
  if (!answer.access_token) throw new Error(`${answer.error}: ${answer.error_description}`);
  return answer.access_token;
}

/** What went wrong, for programs: one of docs/errors.md. Messages may change, reasons do not. */
function reasonOf(error: ConnectError): string {
  // ErrorInfo has it as well, which the SDK knows no type of.
  return error.findDetails(ErrorDetailSchema)[0]?.id ?? Code[error.code];
}

async function main(): Promise<void> {
  const users = createUserServiceClient(createServerTransport(await signIn(), { baseUrl: url }));

  const email = `ada-${randomBytes(4).toString('hex')}@example.com`;
  const { userId, emailCode: verificationCode = '' } = await users.addHumanUser({
    profile: { givenName: 'Ada', familyName: 'Lovelace' },
    // The code comes back in the answer, for a mail of your own; with sendCode, Roster sends it.
    email: { email, verification: { case: 'returnCode', value: {} } },
  });
  console.log('created ', userId);

  await users.verifyEmail({ userId, verificationCode });
  console.log('verified', email);

  const byEmail = { query: { case: 'emailQuery', value: { emailAddress: email } } } as const;
  const { result } = await users.listUsers({ queries: [byEmail] });
  console.log('found   ', result[0]?.preferredLoginName);

  // From now on the person's sessions and tokens are worth nothing.
  await users.lockUser({ userId });
  console.log('locked  ', userId);

  await users.deleteUser({ userId });
  console.log('deleted ', userId);

  try {
    await users.getUserByID({ userId });
  } catch (error) {
    if (!(error instanceof ConnectError && error.code === Code.NotFound)) throw error;
    console.log('refused ', reasonOf(error));
    return;
  }
  throw new Error('the user is still there');
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

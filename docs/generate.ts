// Writes the pages of docs/ that follow from the code, the list of common passwords, the description of REST and the bundles of
// the pages' scripts; with --check it only tells which are out of step.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Code } from '@connectrpc/connect';
import { dictionary } from '@zxcvbn-ts/language-common';
import { buildSync } from 'esbuild';
import { ManagementService } from '../gen/zitadel/management/v1/management_pb.ts';
import { settings } from '../src/config.ts';
import { reasons } from '../src/kernel/reasons.ts';
import { accessOf } from '../src/server/access.ts';
import { olderNames, services } from '../src/server/routes.ts';
import { successorOf } from '../src/server/successors.ts';
import { authentication } from './authentication.ts';
import { openApi } from './openapi/document.ts';
import { whoMayCall } from './whoMayCall.ts';

const grpcName = (code: Code) => (Code[code] ?? '').replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

const errors = () =>
  [
    '# Errors',
    '',
    'Generated from `src/kernel/reasons.ts` by `npm run generate`.',
    '',
    'Every error carries `google.rpc.ErrorInfo` with a reason from this table and the domain `roster`, and',
    '`zitadel.v1.ErrorDetail` with the reason as its id; the status message ends with the reason in parentheses. Broken',
    'rules of a request add `google.rpc.BadRequest` with every field, limits add `google.rpc.RetryInfo`. Reasons stay as',
    'they are; the sentences may change. Only what reaches no RPC (an unknown path, another HTTP method or content type) is',
    'answered with an HTTP status alone; [REST](rest.md) has reasons for that too.',
    '',
    '| reason | code | sentence |',
    '| --- | --- | --- |',
    ...Object.entries(reasons).map(([reason, [code, sentence]]) => `| \`${reason}\` | ${grpcName(code)} | ${sentence} |`),
    '',
  ].join('\n');

const configuration = () =>
  [
    '# Configuration',
    '',
    'Generated from `src/config/variables.ts` by `npm run generate`.',
    '',
    'Everything is an environment variable, read once at the start; all mistakes are told at once. An empty value counts as',
    'unset unless said otherwise.',
    '',
    '| variable | default | meaning |',
    '| --- | --- | --- |',
    ...settings.map(({ name, default: standard, meaning }) => `| \`${name}\` | ${standard} | ${meaning} |`),
    '',
  ].join('\n');

const rpcs = () =>
  [
    '# RPCs',
    '',
    'Generated from the definitions and `src/server/access.ts` by `npm run generate`. What an RPC does, how it fails, and',
    'what it asks of its caller or allows him beyond this stands in `proto/`.',
    ...[...services, ...olderNames].flatMap((service) => [
      '',
      `## ${service.typeName}`,
      '',
      '| RPC | who may call |',
      '| --- | --- |',
      ...service.methods.map((method) => {
        const access = accessOf(method);
        if (!access) throw new Error(`${method.name} is not declared`);
        return `| ${method.name} | ${whoMayCall(access)} |`;
      }),
    ]),
    '',
  ].join('\n');

const migratingFromV1 = () =>
  [
    '# Migrating from v1',
    '',
    'Generated from `src/server/successors.ts` by `npm run generate`.',
    '',
    'The older calls on users work as they did, on the same users, and are deprecated: each answer carries the header',
    '`deprecation` with the time since when (RFC 9745), and `link` with what takes its place (`rel="successor-version"`).',
    'The log has one line a day for each method and caller of a process (`a deprecated method is called`), and `/metrics` counts',
    'the calls (`roster_deprecated_calls_total`): when both are silent, nothing calls v1 any more.',
    '',
    'What differs everywhere:',
    '',
    '* v1 works in one organization: the one that `x-zitadel-orgid` names, else the one of the caller. A user of another one does',
    '  not exist there. v2 asks for the permission in the organization of the user, and needs no header.',
    '* v1 knows no rights of the user itself: the permission is always needed.',
    '* v1 tells of an unknown user with FAILED_PRECONDITION on some calls (`USER_UNKNOWN`), v2 with NOT_FOUND on most.',
    '* `details` of v1 carry `creation_date` after creating and `change_date` after changing; those of v2 `change_date` always.',
    '* v1 creates users in the state INITIAL, who cannot sign in before they used the code that is mailed to them; the page behind',
    '  the link verifies the address and sets a password. UnlockUser makes such a user ACTIVE as well, if he was locked.',
    '* Passwords have at most 72 characters in v1, 200 in v2.',
    '',
    '| RPC of `zitadel.management.v1.ManagementService` | RPC of `zitadel.user.v2.UserService` | what differs |',
    '| --- | --- | --- |',
    ...ManagementService.methods.flatMap((method) => {
      const successor = successorOf(method);
      return successor ? [`| ${method.name} | ${successor.method.name} | ${successor.differs} |`] : [];
    }),
    '',
    'RemoveHumanAvatar, and the calls on members, organizations and identity providers, stay as they are.',
    '',
  ].join('\n');

/** Characters that a password has at least by the default policy; what is shorter needs no list. */
const shortestListed = 8;

const commonPasswords = () => {
  const words = dictionary['passwords-common'].filter((word) => Array.from(word).length >= shortestListed);
  // Framed by line ends: every word can be searched with one on both sides.
  return ['', ...[...new Set(words)].sort(), ''].join('\n');
};

/** What all browsers understand that know passkeys. */
const browsers = 'es2022';

/** One file of what stands in src/web/browser, with what it imports; `origin` says whose code is in it. */
const script = (name: string, origin: string) => {
  const made = buildSync({
    entryPoints: [fileURLToPath(new URL(`../src/web/browser/${name}.ts`, import.meta.url))],
    bundle: true,
    minify: true,
    format: 'iife',
    target: browsers,
    write: false,
    tsconfigRaw: {},
    banner: { js: `/* Made of src/web/browser${origin}. */` },
  });
  return made.outputFiles[0]?.text ?? '';
};

const webauthn = '; contains @simplewebauthn/browser, Copyright (c) 2020 Matthew Miller, MIT: see NOTICE';

const pages: Record<string, () => string> = {
  'docs/errors.md': errors,
  'docs/authentication.md': authentication,
  'docs/configuration.md': configuration,
  'docs/rpcs.md': rpcs,
  'docs/migrating-from-v1.md': migratingFromV1,
  'src/features/password/commonPasswords.txt': commonPasswords,
  'src/web/assets/openapi.json': () => `${JSON.stringify(openApi(), undefined, 1)}\n`,
  'src/web/assets/docs.js': () => script('docs', ''),
  'src/web/assets/passkey.js': () => script('passkey', webauthn),
};
const check = process.argv.includes('--check');

for (const [name, write] of Object.entries(pages)) {
  const file = new URL(`../${name}`, import.meta.url);
  const wanted = write();
  if (!check) writeFileSync(file, wanted);
  else if (readFileSync(file, 'utf8') !== wanted) {
    console.error(`${name} is out of step with the code: run npm run generate`);
    process.exitCode = 1;
  }
}

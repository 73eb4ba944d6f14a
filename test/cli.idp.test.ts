// `npm run roster -- idp apply`, as an operator keeps the identity providers in a file.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { readProviders } from '../src/features/idp/convertFile.ts';
import { createHuman, createOrganization, unique } from './support/actors.ts';
import { start } from './support/journeys.ts';
import { rosterHere, startCommand } from './support/roster.ts';
import { startSamlProvider } from './support/samlProvider.ts';
import { scratch } from './support/scratch.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ env: { ROSTER_OUTGOING_PRIVATE: '127.0.0.1' } });
});

beforeEach(async () => {
  await server.sql`delete from identity_providers`;
});

async function fileOf(text: string): Promise<string> {
  const folder = await mkdtemp(join(scratch, 'roster-idp-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'providers.yaml');
  await writeFile(path, text);
  return path;
}

/** Runs the command with a file of this content. Returns its exit code and everything that it wrote. */
async function apply(text: string, args: string[] = ['--yes'], env: NodeJS.ProcessEnv = {}) {
  const path = await fileOf(text);
  const variables = { ROSTER_PUBLIC_URL: server.url, ...env };
  const { code, said } = await rosterHere(server, ['idp', 'apply', path, ...args], variables);
  return { code, said: said.replaceAll(path, 'FILE') };
}

const rows = () =>
  server.sql`select id, organization_id, name, type, state, config, options, sequence::int, secret from identity_providers order by id`;

const everything = `
# What people sign in with.
providers:
  - type: oidc
    name: Login
    issuer: https://login.example.org
    clientId: roster
    clientSecret: \${LOGIN_SECRET}
    scopes: [openid, email]
    usePkce: true
    providerOptions:
      isLinkingAllowed: true
      autoLinking: email
  - type: oauth
    name: Forge
    clientId: roster
    clientSecret: forge-secret
    authorizationEndpoint: https://forge.example.org/authorize
    tokenEndpoint: https://forge.example.org/token
    userEndpoint: https://forge.example.org/user
    idAttribute: id
  - { type: google, name: Google, clientId: g, clientSecret: google-secret }
  - { type: github, name: GitHub, clientId: h, clientSecret: github-secret, state: inactive }
  - type: jwt
    name: Portal
    issuer: portal
    jwtEndpoint: https://portal.example.org/jwt
    keysEndpoint: https://portal.example.org/keys
    headerName: x-token
  - type: ldap
    name: Directory
    servers: ['ldaps://ldap.example.org']
    baseDn: dc=example,dc=org
    bindDn: cn=roster
    bindPassword: \${LDAP_PASSWORD}
    userBase: dn
    userObjectClasses: [person]
    userFilters: [uid]
    timeout: 2.5s
    attributes:
      idAttribute: uid
`;
const env = { LOGIN_SECRET: 'login-secret', LDAP_PASSWORD: 'ldap-password' };
const secrets = /login-secret|forge-secret|google-secret|github-secret|ldap-password/;

test('every type is added, then nothing is left to change', async () => {
  const first = await apply(everything, ['--yes'], env);
  expect({ ...first, said: first.said.replaceAll(/id \d+/g, 'id ID') }).toEqual({
    code: 0,
    said: [
      '+ oidc "Login" is added',
      '+ oauth "Forge" is added',
      '+ google "Google" is added',
      '+ github "GitHub" is added, switched off',
      '+ jwt "Portal" is added',
      '+ ldap "Directory" is added',
      `oidc "Login" has the id ID; there, enter the redirect URI ${server.url}/idps/callback`,
      `oauth "Forge" has the id ID; there, enter the redirect URI ${server.url}/idps/callback`,
      `google "Google" has the id ID; there, enter the redirect URI ${server.url}/idps/callback`,
      `github "GitHub" has the id ID; there, enter the redirect URI ${server.url}/idps/callback`,
      `jwt "Portal" has the id ID; it sends people back to ${server.url}/idps/jwt`,
      'ldap "Directory" has the id ID',
      'Done: 6 added, 0 changed, 0 switched off.',
    ].join('\n'),
  });
  const { result } = await server.as().admin.listProviders({ query: { asc: true } });
  expect(result.map(({ name, config, state }) => [name, config?.config.case, state])).toEqual([
    ['Login', 'oidc', 1],
    ['Forge', 'oauth', 1],
    ['Google', 'google', 1],
    ['GitHub', 'github', 2],
    ['Portal', 'jwt', 1],
    ['Directory', 'ldap', 1],
  ]);
  expect(result[0]?.config).toMatchObject({
    options: { isLinkingAllowed: true, isCreationAllowed: false, autoLinking: 2 },
    config: { value: { issuer: 'https://login.example.org', clientId: 'roster', scopes: ['openid', 'email'], usePkce: true } },
  });
  expect(result[5]?.config?.config.value).toMatchObject({
    timeout: { seconds: 2n, nanos: 500_000_000 },
    attributes: { idAttribute: 'uid' },
  });

  const before = await rows();
  expect(await apply(everything, ['--yes'], env)).toEqual({ code: 0, said: 'Nothing to change.' });
  // Secrets that are left out stay as they are.
  const silent = everything.replaceAll(/^ +(clientSecret|bindPassword): .*\n/gm, '').replaceAll(/, clientSecret: [\w-]+/g, '');
  expect(silent).not.toMatch(/[sS]ecret|Password/);
  expect(await apply(silent)).toEqual({ code: 0, said: 'Nothing to change.' });
  expect(await rows()).toEqual(before);
});

test('a difference is shown by its fields, secrets by their names only; what did not change is left alone', async () => {
  await apply(everything, ['--yes'], env);
  const before = await rows();
  const changed = everything
    .replace('https://login.example.org', 'https://other.example.org')
    .replace('usePkce: true', 'usePkce: false')
    .replace('autoLinking: email', 'autoLinking: username')
    .replace('state: inactive', 'state: active')
    .replace('[uid]', '[uid, mail]');
  const { code, said } = await apply(changed, ['--yes'], { ...env, LDAP_PASSWORD: 'next-password' });
  expect(code).toBe(0);
  const [login, , , github, , directory] = before;
  expect(said.split('\n')).toEqual([
    `~ oidc "Login" is changed (${login?.id})`,
    '    issuer: "https://login.example.org" -> "https://other.example.org"',
    '    usePkce: true -> false',
    '    autoLinking: "AUTO_LINKING_OPTION_EMAIL" -> "AUTO_LINKING_OPTION_USERNAME"',
    `~ github "GitHub" is changed (${github?.id})`,
    '    state: "inactive" -> "active"',
    `~ ldap "Directory" is changed (${directory?.id})`,
    '    userFilters: ["uid"] -> ["uid","mail"]',
    '    bindPassword: changed',
    'Done: 0 added, 3 changed, 0 switched off.',
  ]);
  const after = await rows();
  expect(after.map(({ sequence }) => sequence)).toEqual([2, 1, 1, 2, 1, 2]);
  expect(after.map(({ secret }, at) => secret?.equals(before[at]?.secret) ?? 'none')).toEqual([
    true,
    true,
    true,
    true,
    'none',
    false,
  ]);
});

test('without --yes and without a terminal the difference is shown, and nothing is written or waited for', async () => {
  const child = startCommand(server, ['idp', 'apply', await fileOf(everything)], env);
  expect(await child.exited).toBe(1);
  const said = child.output();
  expect(said).toContain('+ oidc "Login" is added');
  expect(said).toContain('Nothing was written: there is no terminal to ask at. To write this, say --yes.');
  expect(said).not.toMatch(secrets);
  expect(await rows()).toEqual([]);
  await apply(everything, ['--yes'], env);
  expect(await apply(everything, [], env)).toEqual({ code: 0, said: 'Nothing to change.' });
});

test.skipIf(process.platform !== 'linux').each([
  ['y', 0, 1],
  ['', 1, 0],
])('at a terminal it asks, and goes by the answer "%s"', async (answer, code, written) => {
  const path = await fileOf('providers:\n  - { type: google, name: G, clientId: g, clientSecret: google-secret }\n');
  const [program, imports] = ['../src/cli.ts', '../src/imports.mjs'].map((file) => fileURLToPath(new URL(file, import.meta.url)));
  const command = `${process.execPath} --import ${imports} ${program} idp apply ${path}`;
  const variables = { DATABASE_URL: server.database.url, ROSTER_DATA: server.dataDir, PATH: process.env.PATH, NO_COLOR: '1' };
  // Gives it a terminal.
  const script = spawn('script', ['-qec', command, '/dev/null'], { env: variables });
  onTestFinished(() => void script.kill('SIGKILL'));
  let said = '';
  script.stdout.on('data', (data: Buffer) => {
    const asked = said.includes('[y/N]');
    said += data.toString();
    if (!asked && said.includes('[y/N]')) script.stdin.write(`${answer}\n`);
  });
  const [exit] = await once(script, 'close');
  expect(said).toContain('Write this? [y/N]');
  expect(exit).toBe(code);
  expect(await rows()).toHaveLength(written);
});

test('what the file does not name stays, or is switched off with --prune: its links stay', async () => {
  await apply(everything, ['--yes'], env);
  const [login, ...others] = await rows();
  const userId = await createHuman(server);
  await server.as().users.addIDPLink({ userId, idpLink: { idpId: String(others[0]?.id), userId: 'x', userName: 'x' } });
  const short = everything.slice(0, everything.indexOf('  - type: oauth'));
  expect(await apply(short, ['--yes'], env)).toEqual({ code: 0, said: 'Nothing to change.' });
  const { code, said } = await apply(short, ['--yes', '--prune'], env);
  expect(code).toBe(0);
  expect(said).toContain(`- oauth "Forge" is switched off (${others[0]?.id})`);
  expect(said).toContain('Done: 0 added, 0 changed, 4 switched off.');
  expect((await rows()).map(({ state }) => state)).toEqual(['active', ...others.map(() => 'inactive')]);
  expect((await server.as().users.listIDPLinks({ userId })).result).toHaveLength(1);
  expect(await apply(short, ['--yes', '--prune'], env)).toEqual({ code: 0, said: 'Nothing to change.' });
  expect((await rows())[0]).toEqual(login);
});

test('an organization’s are its own, and others are not touched', async () => {
  const organizationId = await createOrganization(server);
  const text = 'providers:\n  - { type: google, name: G, clientId: g, clientSecret: google-secret }\n';
  await apply(text);
  expect((await apply(text, ['--yes', '--organization', organizationId])).said).toContain('Done: 1 added');
  expect((await rows()).map(({ organization_id }) => organization_id)).toEqual([null, organizationId]);
  expect((await apply('providers: []', ['--yes', '--prune', '--organization', organizationId])).said).toContain('1 switched off');
  expect((await rows()).map(({ state }) => state)).toEqual(['active', 'inactive']);
  expect(await apply(text, ['--yes', '--organization', 'nothing'])).toEqual({
    code: 1,
    said: expect.stringContaining('ORGANIZATION_NOT_FOUND'),
  });
});

test('two that are applied at once add a provider once', async () => {
  const text = `providers:\n  - { type: google, name: ${unique('G')}, clientId: g, clientSecret: google-secret }\n`;
  const both = await Promise.all([apply(text), apply(text)]);
  expect(both.some(({ code }) => code === 0)).toBe(true);
  expect(await rows()).toHaveLength(1);
});

describe('of SAML', () => {
  const outgoing = { ROSTER_OUTGOING_PRIVATE: '127.0.0.1' };
  const indented = (text: string) => text.trim().replaceAll(/^/gm, '      ');
  const stored = async () => (await rows()).map(({ config, secret }) => ({ ...config, secret }));

  test('is added with its metadata, from the file or from where they are, and follows them', async () => {
    const provider = await startSamlProvider();
    const metadata = async () => (await fetch(`${provider.origin}/metadata`)).text();
    const document = await metadata();
    const text = `providers:
  - type: saml
    name: Fetched
    metadataUrl: ${provider.origin}/metadata
    binding: post
    withSignedRequest: true
    nameIdFormat: email_address
    signatureAlgorithm: rsa_sha512
  - type: saml
    name: Written
    metadataXml: |
${indented(document)}
`;
    const first = await apply(text, ['--yes'], outgoing);
    expect(first.code).toBe(0);
    const [fetched, written] = (await rows()).map(
      ({ id }) => `${id}; there, enter the metadata ${server.url}/idps/${id}/saml/metadata`,
    );
    expect(first.said.split('\n')).toEqual([
      '+ saml "Fetched" is added',
      '+ saml "Written" is added',
      `saml "Fetched" has the id ${fetched}`,
      `saml "Written" has the id ${written}`,
      'Done: 2 added, 0 changed, 0 switched off.',
    ]);
    const before = await stored();
    expect(before).toEqual([
      expect.objectContaining({
        ...{ binding: 'post', signedRequest: true, nameIdFormat: 'email', signatureAlgorithm: 'rsa-sha512' },
        ...{ metadataXml: document, secret: expect.any(Buffer) },
      }),
      expect.objectContaining({ binding: 'any', signedRequest: false, nameIdFormat: 'persistent', secret: expect.any(Buffer) }),
    ]);
    expect(await apply(text, ['--yes'], outgoing)).toEqual({ code: 0, said: 'Nothing to change.' });

    await provider.rotate();
    const { code, said } = await apply(text, ['--yes'], outgoing);
    expect(code).toBe(0);
    expect(said).toMatch(/^~ saml "Fetched" is changed \(\d+\)\n {4}metadataXml: changed\nDone: 0 added, 1 changed/);
    expect(await stored()).toEqual([{ ...before[0], metadataXml: await metadata() }, before[1]]);
    // What requests are signed with stays: providers hold on to its certificate.
    const { nextStep } = await start(server, String((await rows())[0]?.id));
    expect(nextStep.case).toBe('formData');
  });

  test('is refused by its line when nobody could sign in with it, and nothing is written', async () => {
    const provider = await startSamlProvider();
    const xml = await (await fetch(`${provider.origin}/metadata`)).text();
    const text = `providers:
  - { type: google, name: G, clientId: g, clientSecret: google-secret }
  - { type: saml, name: Empty, metadataXml: '' }
  - { type: saml, name: Text, metadataXml: '<html/>' }
  - { type: saml, name: Away, metadataUrl: '${provider.origin}/nothing' }
  - { type: saml, name: Private, metadataUrl: 'http://10.0.0.1/metadata' }
  - { type: saml, name: Script, metadataUrl: 'javascript:alert(1)' }
  - type: saml
    name: Artifact
    binding: artifact
    metadataXml: |
${indented(xml)}
`;
    const { code, said } = await apply(text, ['--yes'], outgoing);
    expect(code).toBe(2);
    expect(said.split('\n')).toEqual([
      'Not done. FILE:',
      expect.stringMatching(/^- line 3: "Empty": The metadata .* cannot be used: /),
      expect.stringMatching(/^- line 4: "Text": The metadata .* cannot be used: they are no SAML metadata\./),
      expect.stringMatching(/^- line 5: "Away": The metadata .* cannot be used: .* the answer is 404\./),
      expect.stringMatching(/^- line 6: "Private": The metadata .* cannot be used: they cannot be fetched\./),
      expect.stringMatching(/^- line 7: "Script": The URL cannot be used: /),
      expect.stringMatching(/^- line 8: "Artifact": The binding is not supported/),
    ]);
    expect(await rows()).toEqual([]);
    const neither = 'providers:\n  - { type: saml, name: Neither }\n';
    expect((await apply(neither)).said).toContain('- line 2: metadataXml or metadataUrl is needed');
    const both = `providers:\n  - type: saml\n    name: Both\n    metadataUrl: https://a.example\n    metadataXml: <a/>\n`;
    expect((await apply(both)).said).toContain(
      '- line 5: a provider of type saml has metadataUrl already: it excludes metadataXml',
    );
  });
});

describe('a file that is wrong', () => {
  const mistakesIn = (text: string) => readProviders(text, {}).mistakes.map(({ line, problem }) => `${line}: ${problem}`);

  test('is refused with the line of each mistake, and no secret', async () => {
    const text = `providers:
  - type: oidc
    name: Login
    isuer: https://login.example.org
    clientId: roster
    clientSecret: \${NOT_SET}
    usePkce: maybe
  - type: openid
    clientSecret: login-secret
  - type: google
    name: G
    clientSecret: google-secret
    providerOptions:
      autoLinking: everything
      linking: true
`;
    expect(await apply(text)).toEqual({
      code: 2,
      said: [
        'Not done. FILE:',
        '- line 4: a provider of type oidc has no field "isuer"',
        '- line 6: clientSecret needs the variable NOT_SET, which is not set',
        '- line 7: usePkce has to be true or false',
        '- line 8: type has to be one of oidc, oauth, google, github, jwt, ldap, saml',
        '- line 14: autoLinking has to be one of unspecified, username, email',
        '- line 15: providerOptions has no field "linking"',
      ].join('\n'),
    });
    expect(await rows()).toEqual([]);
  });

  test('is held against the rules of the calls', () => {
    const jwt = 'type: jwt, issuer: i, headerName: h, keysEndpoint: https://a.example';
    const cases: [string, RegExp[]][] = [
      ['', [/^1: the file has to be an object$/, /^1: the file has no providers$/]],
      ['- a', [/^1: the file has to be an object$/, /no providers/]],
      ['provider: []', [/^1: the file has "provider"/, /no providers/]],
      ['providers:\n  a: b', [/^2: providers has to be a list$/]],
      ['providers:\n  - a: [', [/^\d: this is no YAML/]],
      ['providers:\n  - {type: jwt, type: jwt}', [/^2: this is no YAML \(DUPLICATE_KEY\)$/]],
      ['providers:\n  - just-a-secret', [/^2: a provider has to be an object$/, /^2: type has to be one of/]],
      [`providers:\n  - {${jwt}, name: x, jwtEndpoint: nowhere}`, [/^2: jwtEndpoint: The URL cannot be used/]],
      [`providers:\n  - ${jwt.replaceAll(', ', '\n    ')}\n    name: x\n    jwtEndpoint: ftp://a.example`, [/^7: jwtEndpoint: /]],
      [`providers:\n  - {${jwt}, jwtEndpoint: https://a.example}`, [/^2: name must be/]],
      [`providers:\n  - {${jwt}, name: ${'x'.repeat(201)}, jwtEndpoint: https://a.example}`, [/^2: name must be/]],
      [
        `providers:\n  - {${jwt}, name: 12, jwtEndpoint: https://a.example}`,
        [/^2: name has to be a text; one that looks otherwise in quotes$/],
      ],
      [
        `providers:\n  - {${jwt}, name: x, state: on, jwtEndpoint: https://a.example}`,
        [/^2: state has to be one of active, inactive$/],
      ],
      [
        `providers:\n  - &a {${jwt}, name: x, jwtEndpoint: https://a.example}\n  - {${jwt}, name: x, jwtEndpoint: https://b.example}`,
        [/^3: there is another jwt called "x" above$/],
      ],
      ['providers:\n  - {type: google, clientId: a, clientSecret: ""}', [/^2: clientSecret must be/]],
      [
        'providers:\n  - {type: google, clientId: {a: b}, clientSecret: [just-a-secret]}',
        [/^2: clientId has to be a text/, /^2: clientSecret has to be a text/],
      ],
    ];
    for (const [text, expected] of cases) {
      const said = mistakesIn(text);
      expect(said).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
      expect(said.join()).not.toContain('just-a-secret');
    }
  });

  test('or names a provider that cannot be found, or cannot be added', async () => {
    const text = 'providers:\n  - { type: google, name: G, clientId: g }\n';
    expect(await apply(text)).toEqual({
      code: 2,
      said: 'Not done. FILE:\n- line 2: clientSecret is missing: there is no such provider yet',
    });
    for (let at = 0; at < 2; at++)
      await server.as().admin.addGoogleProvider({ name: 'G', clientId: 'g', clientSecret: 'google-secret' });
    expect(await apply(text)).toEqual({
      code: 2,
      said: 'Not done. FILE:\n- line 2: there are several google called "G": rename one',
    });
  });

  test('or is not there', async () => {
    const { code, said } = await rosterHere(server, ['idp', 'apply', '/nowhere/providers.yaml']);
    expect(code).toBe(2);
    expect(said).toMatch(/^Not done\. \/nowhere\/providers\.yaml cannot be read: /);
  });
});

test('every example of docs/operations.md can be applied', async () => {
  const docs = await readFile(new URL('../docs/operations.md', import.meta.url), 'utf8');
  const examples = [...docs.matchAll(/```yaml\n(providers:\n[\s\S]*?)```/g)].map(([, example = '']) => example);
  const variables = { LOGIN_SECRET: 'login-secret', FORGE_SECRET: 'forge-secret', DIRECTORY_PASSWORD: 'ldap-password' };
  const types = examples.flatMap((example) => {
    const { providers, mistakes } = readProviders(example, variables);
    expect(mistakes).toEqual([]);
    return providers.map(({ config }) => config.type);
  });
  expect(new Set(types)).toEqual(new Set(['oidc', 'oauth', 'ldap', 'saml', 'jwt']));
});

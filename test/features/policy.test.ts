import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Usage } from '../../src/cli/command.ts';
import { policyCommands } from '../../src/cli/policy.ts';
import { readConfig } from '../../src/config.ts';
import { isCommon } from '../../src/features/password/commonPasswords.ts';
import { defaultPolicy, type PasswordPolicy, type Person, refusalOf } from '../../src/features/password/policy.ts';
import { createHuman, createOrganization, homeOf } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { roster } from '../support/roster.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let home: string;

beforeAll(async () => {
  server = await startServer();
  home = await homeOf(server);
});

afterEach(() => server.sql`delete from password_policies`);

const nobody: Person = { username: '', email: '', givenName: '', familyName: '', nickName: '', displayName: '' };
/** The reason against a password, or `ok`. */
const judge = (password: string, policy: PasswordPolicy = defaultPolicy, person: Partial<Person> = {}) => {
  const refusal = refusalOf(policy, password, { ...nobody, ...person });
  return refusal ? outcome(Promise.reject(refusal)) : Promise.resolve('ok');
};
const bad = (reason: string) => `InvalidArgument ${reason}`;

/** Runs a command as an operator would. Returns what it printed and its exit code. */
async function policy(name: 'show' | 'set' | 'remove', given: Record<string, string> = {}) {
  const command = policyCommands.find((command) => command.name === `policy ${name}`);
  const lines: string[] = [];
  const code = await command?.run(
    {
      config: readConfig({}),
      open: async () => server.app,
      stdout: new PassThrough(),
      print: (line) => lines.push(line),
      tell: () => {},
      stop: new AbortController().signal,
      env: {},
    },
    given,
    '',
  );
  return { code, said: lines.join('\n') };
}

const create = (password: string, organizationId = home, person: object = {}) =>
  outcome(createHuman(server, { organizationId, passwordType: { case: 'password', value: { password } }, ...person }));
const set = (userId: string, password: string) => outcome(server.as().users.setPassword({ userId, newPassword: { password } }));

describe('the default policy', () => {
  test.each([
    ['DifficultPW666!', 'ok'],
    ['VeryS3cret!', 'ok'],
    ['aA1!', bad('PASSWORD_TOO_SHORT')],
    ['', bad('PASSWORD_TOO_SHORT')],
    ['1234567', bad('PASSWORD_TOO_SHORT')],
    ['12345678', bad('PASSWORD_NEEDS_LOWER')],
    ['a1234567', bad('PASSWORD_NEEDS_UPPER')],
    ['aBcdefgh', bad('PASSWORD_NEEDS_DIGIT')],
    ['aB345678', bad('PASSWORD_NEEDS_SYMBOL')],
    ['aB34567 ', 'ok'],
    ['aB3456é', 'ok'],
    ['aB345é', bad('PASSWORD_TOO_SHORT')],
    ['äÖ345678', bad('PASSWORD_NEEDS_LOWER')],
    ['P@ssw0rd', bad('PASSWORD_COMMON')],
    ['Pa$$w0rd', bad('PASSWORD_COMMON')],
    ['Zaq!2wsx', bad('PASSWORD_COMMON')],
  ])('%s: %s', async (password, told) => {
    expect(await judge(password)).toBe(told);
  });

  test('counts the bytes of the normalised form', async () => {
    // Eight bytes decomposed, seven composed.
    const decomposed = 'aB345e\u0301';
    expect(Buffer.byteLength(decomposed)).toBe(8);
    expect(await judge(decomposed)).toBe(bad('PASSWORD_TOO_SHORT'));
    // Full-width letters and digits are the plain ones.
    expect(await judge('ａＢ３４５６！！')).toBe('ok');
    expect(await judge('ｐ＠ｓｓＷ０ｒｄ')).toBe(bad('PASSWORD_COMMON'));
  });

  test('tells the shortest length and its unit', () => {
    expect(refusalOf(defaultPolicy, 'aA1!', nobody)?.rawMessage).toContain('at least 8 bytes');
    expect(refusalOf({ ...lengthAlone, minimumLength: 20 }, 'aA1!', nobody)?.rawMessage).toContain('at least 20 characters');
  });
});

const lengthAlone: PasswordPolicy = { minimumLength: 15, required: [], compositionFree: true };

describe('length alone', () => {
  test('is measured in characters, and whatever they are', async () => {
    expect(await judge('correct horse b', lengthAlone)).toBe('ok');
    expect(await judge('ααααααααααααααα', lengthAlone)).toBe('ok');
    expect(await judge('🔑'.repeat(15), lengthAlone)).toBe('ok');
    expect(await judge('🔑'.repeat(14), lengthAlone)).toBe(bad('PASSWORD_TOO_SHORT'));
    expect(await judge('Aa1!Aa1!Aa1!Aa', lengthAlone)).toBe(bad('PASSWORD_TOO_SHORT'));
    expect(await judge('e\u0301'.repeat(14), lengthAlone)).toBe(bad('PASSWORD_TOO_SHORT'));
  });

  test('does not let common ones pass', async () => {
    for (const password of ['passwordpassword', 'PasswordPassword', '1qaz2wsx3edc4rfv', 'qwertyuiop12345']) {
      expect(await judge(password, lengthAlone)).toBe(bad('PASSWORD_COMMON'));
    }
  });
});

describe('common passwords', () => {
  test('are found in any letter case and whole only', () => {
    for (const password of ['password', 'PASSWORD', 'trustno1', '11111111', '12345678']) expect(isCommon(password)).toBe(true);
    for (const password of ['assword', 'passwor', 'xpassword', 'passwordx', '', '\n', 'password\n']) {
      expect(isCommon(password)).toBe(false);
    }
  });
});

describe('the own name', () => {
  const ada: Partial<Person> = {
    username: 'countess@example.org',
    email: 'a.king-noel@example.net',
    givenName: 'Augusta Ada',
    familyName: 'Lovelace',
    nickName: 'Ængel',
    displayName: 'The Enchantress of Number',
  };

  test.each([
    'Lovelace-1',
    'xx1!LOVELACExx',
    'Augusta+1815',
    '1!Ængel-Wings',
    '1!ÆNGEL-Wings',
    'Countess-1',
    'countess@example.org-A1',
    'A.King-Noel/1',
    'My1-Enchantress',
    'Number-1!',
    'ｌｏｖｅｌａｃｅ-A1',
  ])('is not allowed in %s', async (password) => {
    expect(await judge(password, defaultPolicy, ada)).toBe(bad('PASSWORD_HAS_OWN_NAME'));
    expect(await judge(password)).toBe('ok');
  });

  test('of fewer than four letters does not count, nor does the host of an address', async () => {
    expect(await judge('Adamant-15', defaultPolicy, ada)).toBe('ok');
    expect(await judge('Theory-of-1', defaultPolicy, ada)).toBe('ok');
    expect(await judge('Example-net-1', defaultPolicy, ada)).toBe('ok');
  });

  test('holds for whatever surrounds it', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const policy = { minimumLength: 1, required: [], compositionFree: true };
        // Combining characters behind the name would make it another one.
        fc.pre(/^[ -~]*$/.test(before + after));
        expect(refusalOf(policy, `${before}lOVElace${after}`, { ...nobody, familyName: 'LoveLace' })).toBeDefined();
      }),
    );
  });

  test('is refused at creation and at every change, with the names that a user has after the call', async () => {
    const profile = { givenName: 'Grace', familyName: 'Hopper' };
    const email = { email: 'amazing@example.net', verification: { case: 'isVerified', value: true } } as const;
    const person = { profile, email };
    for (const password of ['Amazing-1', 'Hopper-1!', 'Grace-Hopper-1']) {
      expect(await create(password, home, person)).toBe(bad('PASSWORD_HAS_OWN_NAME'));
    }
    expect(await create('Cobol-1959', home, { ...person, username: 'cobol' })).toBe(bad('PASSWORD_HAS_OWN_NAME'));
    const userId = await createHuman(server, { ...person, username: 'ghopper' });
    expect(await set(userId, 'Hopper-1!')).toBe(bad('PASSWORD_HAS_OWN_NAME'));
    expect(await set(userId, 'ghopper-A1')).toBe(bad('PASSWORD_HAS_OWN_NAME'));
    const rename = (password: string) =>
      outcome(
        server.as().users.updateUser({
          userId,
          userType: {
            case: 'human',
            value: {
              profile: { familyName: 'Murray', displayName: 'G. M.' },
              password: { passwordType: { case: 'password', value: { password } } },
            },
          },
        }),
      );
    expect(await rename('Murray-1!')).toBe(bad('PASSWORD_HAS_OWN_NAME'));
    expect(await rename('Hopper-1!')).toBe('ok');
  });
});

describe('whose policy holds', () => {
  test('the instance’s for new users, the organization’s for changes, the instance’s where it has none', async () => {
    const organizationId = await createOrganization(server);
    const userId = await createHuman(server, { organizationId });
    const elsewhere = await createHuman(server);
    await policy('set', { organization: organizationId, 'min-length': '20', require: 'none' });
    expect(await create('Short-1!', organizationId)).toBe('ok');
    expect(await create('no-classes-in-this-one', organizationId)).toBe(bad('PASSWORD_NEEDS_UPPER'));
    expect(await set(userId, 'Short-1!')).toBe(bad('PASSWORD_TOO_SHORT'));
    expect(await set(userId, 'no-classes-in-this-one')).toBe('ok');
    expect(await set(elsewhere, 'Short-1!')).toBe('ok');
    // Not even that of the caller's organization holds for new users.
    await policy('set', { organization: home, 'min-length': '20', require: 'none' });
    expect(await create('Short-1!')).toBe('ok');
    await policy('remove', { organization: home });

    await policy('set', { 'composition-free': '' });
    expect(await create('Short-1!')).toBe(bad('PASSWORD_TOO_SHORT'));
    expect(await create('no classes in this one')).toBe('ok');
    expect(await set(elsewhere, 'Short-1!')).toBe(bad('PASSWORD_TOO_SHORT'));
    expect(await set(userId, 'fifteen letters')).toBe(bad('PASSWORD_TOO_SHORT'));
    await policy('remove', { organization: organizationId });
    expect(await set(userId, 'fifteen letters')).toBe('ok');
    await policy('set', { organization: organizationId, 'min-length': '20', require: 'none' });
    expect(await set(userId, 'fifteen letters')).toBe(bad('PASSWORD_TOO_SHORT'));
  });

  test('a hash from elsewhere follows none', async () => {
    await policy('set', { 'composition-free': '', 'min-length': '72' });
    // "password", by MD5.
    const hash = '5f4dcc3b5aa765d61d8327deb882cf99';
    expect(await outcome(createHuman(server, { passwordType: { case: 'hashedPassword', value: { hash } } }))).toBe('ok');
  });
});

describe('the command line', () => {
  test('shows, sets and removes', async () => {
    const organization = await createOrganization(server);
    const standard = 'A password has at least 8 bytes and of each: lower, upper, digit, symbol.';
    expect(await policy('show')).toEqual({ code: 0, said: `${standard}\nNothing is set for the instance.` });
    expect(await policy('set', { 'min-length': '10', require: 'digit,lower' })).toEqual({
      code: 0,
      said: 'A password has at least 10 bytes and of each: lower, digit.\nSet for the instance.',
    });
    expect((await policy('show', { organization })).said).toBe(
      `A password has at least 10 bytes and of each: lower, digit.\nNothing is set for the organization ${organization}.`,
    );
    await policy('set', { organization, 'composition-free': '' });
    expect((await policy('show', { organization })).said).toBe(
      `A password has at least 15 characters.\nSet for the organization ${organization}.`,
    );
    await policy('set', { organization, 'composition-free': '', 'min-length': '1' });
    expect((await policy('show', { organization })).said).toContain('at least 1 characters');
    expect((await policy('remove', { organization })).code).toBe(0);
    expect((await policy('remove', { organization })).code).toBe(1);
    const { code, said } = await roster(server, 'policy', 'show', '--organization', organization);
    expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining('at least 10 bytes') });
  });

  test.each<[string, Record<string, string>]>([
    ['nothing said', {}],
    ['no length', { require: 'lower' }],
    ['no classes', { 'min-length': '8' }],
    ['both', { require: 'lower', 'composition-free': '', 'min-length': '8' }],
    ['length 0', { require: 'lower', 'min-length': '0' }],
    ['length 73', { require: 'lower', 'min-length': '73' }],
    ['length 8.5', { require: 'lower', 'min-length': '8.5' }],
    ['unknown class', { require: 'lower,emoji', 'min-length': '8' }],
  ])('says what would be right: %s', async (_, given) => {
    await expect(policy('set', given)).rejects.toBeInstanceOf(Usage);
    expect((await policy('show')).said).toContain('Nothing is set');
  });

  test('knows no organization that is not there, and keeps the instance’s', async () => {
    const organization = 'nowhere';
    const gone = 'NotFound ORGANIZATION_NOT_FOUND';
    expect(await outcome(policy('show', { organization }))).toBe(gone);
    expect(await outcome(policy('set', { organization, 'composition-free': '' }))).toBe(gone);
    expect(await outcome(policy('remove', { organization }))).toBe(gone);
    await expect(policy('remove')).rejects.toBeInstanceOf(Usage);
  });
});

describe('on the wire', () => {
  test('200 characters are taken whole, and 201 or none are refused before anything else', async () => {
    const long = (length: number, last = 'x') => `Aa1!${'🔑'.repeat(length - 5)}${last}`;
    expect(await create(long(201))).toBe('InvalidArgument INVALID_REQUEST');
    expect(await create('')).toBe('InvalidArgument INVALID_REQUEST');
    const userId = await createHuman(server, { passwordType: { case: 'password', value: { password: long(200) } } });
    const change = (current: string) =>
      outcome(
        server.as().users.setPassword({
          userId,
          newPassword: { password: 'Another-1' },
          verification: { case: 'currentPassword', value: current },
        }),
      );
    expect(await change(long(200, 'y'))).toBe(bad('PASSWORD_WRONG'));
    expect(await change(long(199))).toBe(bad('PASSWORD_WRONG'));
    expect(await change(long(201))).toBe('InvalidArgument INVALID_REQUEST');
    expect(await change(long(200))).toBe('ok');
  });

  test('the composed and the decomposed spelling are one password', async () => {
    const composed = 'Pâtisserie-1';
    const decomposed = composed.normalize('NFD');
    expect(decomposed).not.toBe(composed);
    const userId = await createHuman(server, { passwordType: { case: 'password', value: { password: decomposed } } });
    const change = (current: string, password: string) =>
      outcome(
        server
          .as()
          .users.setPassword({ userId, newPassword: { password }, verification: { case: 'currentPassword', value: current } }),
      );
    expect(await change(composed, decomposed)).toBe('FailedPrecondition PASSWORD_UNCHANGED');
    expect(await change(composed, 'Boulangerie-1')).toBe('ok');
  });
});

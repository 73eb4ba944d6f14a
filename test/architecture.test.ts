import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const root = new URL('../', import.meta.url).pathname;

interface SourceFile {
  path: string;
  text: string;
  imports: string[];
}

const files: SourceFile[] = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => {
    const path = join('src', name);
    const text = readFileSync(join(root, path), 'utf8');
    const named = [...text.matchAll(/^(?:import|export)\b[^;]*?from '([^']+)'|\bimport\('([^']+)'\)/gm)];
    const imports = named
      .map(([, from, called]) => from ?? called ?? '')
      .map((to) => (to.startsWith('.') ? normalize(join(dirname(path), to)) : to));
    return { path, text, imports };
  });

/** The lower a part stands, the fewer it may know. Two parts of one height do not know each other. */
function heightOf(path: string): { part: string; height: number } {
  const [, top = '', part = ''] = path.split('/');
  const feature = `features/${part}`;
  if (top === 'kernel') return { part: top, height: 0 };
  if (top !== 'features') return { part: top, height: 6 };
  if (part === 'user') return { part: feature, height: 1 };
  if (['organization', 'transfer'].includes(part)) return { part: feature, height: 5 };
  if (['lifecycle', 'invite', 'factors', 'session', 'search'].includes(part)) return { part: feature, height: 4 };
  if (['intent', 'oauth'].includes(part)) return { part: feature, height: 3 };
  return { part: feature, height: 2 };
}

const offending = (breaks: (file: SourceFile, to: string) => boolean): string[] =>
  files.flatMap((file) => file.imports.filter((to) => breaks(file, to)).map((to) => `${file.path} imports ${to}`));

test('the sources are found, and with them their imports', () => {
  expect(files.length).toBeGreaterThan(60);
  expect(files.find(({ path }) => path === 'src/features/email/service.ts')?.imports).toContain('src/kernel/codes/codes.ts');
});

test('imports point downwards: kernel, user, single concerns, what joins them, organization, management and server', () => {
  const upwards = offending(({ path }, to) => {
    if (!to.startsWith('src/') || heightOf(path).height === 6) return false;
    const from = heightOf(path);
    const target = heightOf(to);
    return target.height > from.height || (target.height === from.height && target.part !== from.part);
  });
  expect(upwards).toEqual([]);
});

test('only what speaks to the wire imports generated code', () => {
  const speaks = /^src\/(server\/|management\/|kernel\/errors\.ts|features\/\w+\/(handlers|convert\w*|filter)\.ts)/;
  expect(offending(({ path }, to) => to.startsWith('gen/') && !speaks.test(path))).toEqual([]);
});

test('only repositories, the kernel, the history and the search filter speak SQL', () => {
  const speaks = /^src\/(kernel\/|features\/(\w+\/\w*[rR]epository|user\/events|search\/filter)\.ts)/;
  expect(
    offending(({ path }, to) => /^(drizzle-orm|postgres)(\/|$)/.test(to) && path !== 'src/app.ts' && !speaks.test(path)),
  ).toEqual([]);
});

test('the v1 shim holds no rule and no SQL', () => {
  const allowed = /^src\/management\/(handlers|convert)\.ts$/;
  expect(files.filter(({ path }) => path.startsWith('src/management/') && !allowed.test(path))).toEqual([]);
});

test('no identifier and no raw text reaches SQL', () => {
  const raw = /sql\.(raw|identifier)\b|\.as\((?!'|\s*db\b|sql`)/;
  expect(files.filter(({ text }) => raw.test(text)).map(({ path }) => path)).toEqual([]);
});

test('no default exports, no barrels, no utils', () => {
  expect(files.filter(({ text }) => /^export default|^export \* /m.test(text)).map(({ path }) => path)).toEqual([]);
  expect(files.filter(({ path }) => /\b(utils?|helpers?|common|index)\.ts$/.test(path)).map(({ path }) => path)).toEqual([]);
});

test('files stay small enough to be read', () => {
  const long = files.filter(({ path, text }) => path !== 'src/kernel/db/schema.ts' && text.split('\n').length > 260);
  expect(long.map(({ path }) => path)).toEqual([]);
});

// The page as browsers take it, made in memory.
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export interface File {
  type: string;
  body: string | Uint8Array;
}

const inPage = (name: string) => fileURLToPath(new URL(`page/${name}`, import.meta.url));

/** By path. */
export async function bundlePage(rosterUrl: string): Promise<ReadonlyMap<string, File>> {
  const { outputFiles } = await build({
    entryPoints: [inPage('page.ts'), inPage('page.css')],
    outdir: '/',
    write: false,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    tsconfigRaw: {},
    define: { ROSTER_URL: JSON.stringify(rosterUrl) },
  });
  const types: Record<string, string> = { js: 'text/javascript', css: 'text/css' };
  const made = outputFiles.map(({ path, contents }): [string, File] => {
    const name = basename(path);
    return [`/${name}`, { type: types[name.split('.').at(-1) ?? ''] ?? '', body: contents }];
  });
  return new Map([['/', { type: 'text/html; charset=utf-8', body: await readFile(inPage('index.html')) }], ...made]);
}

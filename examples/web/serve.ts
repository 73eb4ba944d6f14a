// Serves the page. Roster is elsewhere, and lets pages call it whose origin its ROSTER_CORS_ORIGINS names.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const inPage = (name: string) => fileURLToPath(new URL(`page/${name}`, import.meta.url));

export async function pageFor(rosterUrl: string): Promise<RequestListener> {
  const html = await readFile(inPage('index.html'));
  const { outputFiles } = await build({
    entryPoints: [inPage('page.ts')],
    write: false,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    tsconfigRaw: {},
    define: { ROSTER_URL: JSON.stringify(rosterUrl) },
  });
  // Only our own script runs, and it speaks to Roster alone.
  const policy = `default-src 'none'; script-src 'self'; connect-src ${rosterUrl}; base-uri 'none'; form-action 'none'`;
  return ({ url }, response) => {
    const [type, body] = url === '/page.js' ? ['text/javascript', outputFiles[0]?.contents] : ['text/html; charset=utf-8', html];
    response.writeHead(200, { 'content-type': type, 'content-security-policy': policy }).end(body);
  };
}

if (import.meta.main) {
  const { ROSTER_URL: url = 'http://localhost:8080', PORT = '3000' } = process.env;
  await once(createServer(await pageFor(new URL(url).origin)).listen(Number(PORT), '127.0.0.1'), 'listening');
  const origin = `http://localhost:${PORT}`;
  console.log(`Open ${origin}. The ROSTER_CORS_ORIGINS of the Roster at ${url} has to name it. Ctrl-C ends it.`);
}

// The examples that TypeScript's tools are enough for; `examples/run-all` runs the others too.

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { execute } from '../examples/execute.ts';
import { createServiceUser } from '../examples/serviceUser.ts';
import { pageFor } from '../examples/web/serve.ts';
import { press } from '../examples/web/visit.ts';
import { Type } from '../gen/zitadel/user/v2/query_pb.ts';
import { launchBrowser } from './support/browser.ts';
import { scratch } from './support/scratch.ts';
import { startServer } from './support/server.ts';

const folderOf = (name: string) => fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
const steps = ['created', 'verified', 'found', 'locked', 'deleted', 'refused'];
const stepsIn = (output: string) =>
  output
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[0]);

test('the examples in TypeScript run as they stand there: with the SDK by token and key, and in a page', async () => {
  const web = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void web.close());
  await once(web, 'listening');
  const address = web.address();
  const origin = `http://localhost:${typeof address === 'object' && address?.port}`;
  const server = await startServer({ env: { ROSTER_PUBLIC_URL: '', ROSTER_CORS_ORIGINS: origin } });
  // What signs for a token goes by the clock of the machine.
  server.setTime(new Date());
  const folder = await mkdtemp(join(scratch, 'roster-example-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const user = await createServiceUser({ url: server.url, token: server.token, folder });

  async function run(env: NodeJS.ProcessEnv): Promise<void> {
    const stop = AbortSignal.timeout(30_000);
    const { code, output } = await execute(process.execPath, ['main.ts'], {
      cwd: folderOf('typescript'),
      env: { ROSTER_URL: server.url, ...env },
      stop,
    });
    expect([code, stepsIn(output)], output).toEqual([0, steps]);
    expect(output).toContain('USER_NOT_FOUND');
  }

  async function visit(): Promise<void> {
    web.on('request', await pageFor(server.url));
    const browser = await launchBrowser();
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    await page.goto(origin);
    await expect(press(page, 'wrong')).rejects.toThrow('UNAUTHENTICATED');
    expect(stepsIn(await press(page, user.token))).toEqual(steps);
  }

  await Promise.all([run({ ROSTER_TOKEN: user.token }), run({ ROSTER_KEY_FILE: user.keyFile }), visit()]);
  const { details } = await server
    .as()
    .users.listUsers({ queries: [{ query: { case: 'typeQuery', value: { type: Type.HUMAN } } }] });
  expect(details?.totalResult).toBe(0n);
});

test('the manifest of the example names the versions that are tested', async () => {
  const { default: root } = await import('../package.json', { with: { type: 'json' } });
  const { default: example } = await import('../examples/typescript/package.json', { with: { type: 'json' } });
  const tested: Record<string, string> = { ...root.dependencies, ...root.devDependencies };
  for (const [name, version] of Object.entries(example.dependencies)) expect([name, tested[name]]).toEqual([name, version]);
});

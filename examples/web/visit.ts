// A person at the page, for run-all: in the browser that comes with the tests.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Page } from 'playwright-core';
import { launchBrowser } from '../../test/support/browser.ts';
import { pageFor } from './serve.ts';

/** Has the page do its steps. Returns what it shows then; throws what it complains of. */
export async function press(page: Page, token: string): Promise<string> {
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Run' }).click();
  const end = page.getByRole('status').getByText('refused').or(page.getByRole('alert').getByText(/./));
  await end.waitFor();
  const problem = await page.getByRole('alert').textContent();
  if (problem) throw new Error(problem);
  return (await page.getByRole('status').textContent()) ?? '';
}

if (import.meta.main) {
  const { ROSTER_URL: url = 'http://localhost:8080', ROSTER_TOKEN: token = '', PORT = '3000' } = process.env;
  const server = createServer(await pageFor(new URL(url).origin)).listen(Number(PORT), '127.0.0.1');
  await once(server, 'listening');
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(`http://localhost:${PORT}`);
    process.stdout.write(await press(page, token));
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
}

import bundled from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';
import { closeWithFile } from './closing.ts';
import { startServer } from './server.ts';

/**
 * A Chromium of its own, unpacked into the temporary folder on first use. Of the arguments that come with it only the
 * sandbox's is taken, without which it does not start as root; the others would switch off what keeps sites apart.
 */
export const launchBrowser = async (): Promise<Browser> =>
  chromium.launch({ executablePath: await bundled.executablePath(), args: ['--no-sandbox'], headless: true });

/** A service with its pages, whose public URL is where it listens (localhost: a name, as passkeys need one), and a browser to look at them. */
export async function openSite() {
  const server = await startServer({ env: { ROSTER_PUBLIC_URL: '', ROSTER_PRODUCT_NAME: 'Acme' } });
  const browser = await launchBrowser();
  closeWithFile(() => browser.close());
  return { server, browser };
}

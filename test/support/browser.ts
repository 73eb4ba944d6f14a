import bundled from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';

/**
 * A Chromium of its own, unpacked into the temporary folder on first use. Of the arguments that come with it only the
 * sandbox's is taken, without which it does not start as root; the others would switch off what keeps sites apart.
 */
export const launchBrowser = async (): Promise<Browser> =>
  chromium.launch({ executablePath: await bundled.executablePath(), args: ['--no-sandbox'], headless: true });

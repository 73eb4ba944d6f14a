// Somebody with a browser at the pages. With ROSTER_SCREENSHOTS=1 the pictures in docs/pages are taken anew.
import { join } from 'node:path';
import type { Browser, BrowserContext, BrowserContextOptions, Page, Request } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';

const pictures = process.env.ROSTER_SCREENSHOTS === '1' ? join(import.meta.dirname, '../../docs/pages') : undefined;

export interface Visitor {
  page: Page;
  requests: Request[];
  /** What the browser complained of, such as a style that the policy forbids. */
  complaints: string[];
}

/** In English, in the light, and without scripts unless told otherwise. */
export async function visitor(browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> {
  const context: BrowserContext = await browser.newContext({
    javaScriptEnabled: false,
    locale: 'en-GB',
    colorScheme: 'light',
    viewport: { width: 480, height: 480 },
    ...options,
  });
  onTestFinished(() => context.close());
  const requests: Request[] = [];
  const complaints: string[] = [];
  context.on('request', (request) => requests.push(request));
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // A page with the status of a failure is told of as well.
    if (message.type() === 'error' && !message.text().includes('the server responded with a status'))
      complaints.push(message.text());
  });
  return { page, requests, complaints };
}

export const picture = async (page: Page, name: string): Promise<void> => {
  if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
};

/** Moves on with the Tab key until the element has the focus; there must be a sign of it. */
export async function tabTo(page: Page, selector: string): Promise<void> {
  for (let i = 0; i < 10; i++) {
    await page.keyboard.press('Tab');
    if ((await page.locator(`${selector}:focus`).count()) === 0) continue;
    expect(await styleOf(page, selector, 'outline-style')).toBe('solid');
    return;
  }
  throw new Error(`the Tab key does not lead to ${selector}`);
}

export const styleOf = (page: Page, selector: string, property: string): Promise<string> =>
  page
    .locator(selector)
    .evaluate((element, name) => element.ownerDocument.defaultView.getComputedStyle(element).getPropertyValue(name), property);

/** Presses Enter and waits for the answer. */
export async function enter(page: Page): Promise<void> {
  const answered = page.waitForResponse((response) => response.request().method() === 'POST');
  await page.keyboard.press('Enter');
  await (await answered).finished();
  await page.waitForLoadState();
}

export const accessible = (page: Page, role: 'textbox' | 'button' | 'alert' | 'heading' | 'status' | 'img', name?: string) =>
  page.getByRole(role, name === undefined ? {} : { name, exact: true });

/** What holds for every page of the service, whatever it shows; `secrets` leave it in bodies of requests only. */
export async function expectUsable({ page, requests, complaints }: Visitor, url: string, ...secrets: string[]): Promise<void> {
  expect(await page.locator('html').getAttribute('lang')).toMatch(/^(en|de)$/);
  expect(await page.locator('h1').count()).toBe(1);
  expect(await page.locator('main').count()).toBe(1);
  expect(await page.title()).toMatch(/^.+ – Acme$/);
  for (const field of await page.locator('input:not([type=hidden])').all()) {
    expect(await page.locator(`label[for="${await field.getAttribute('id')}"]`).textContent()).not.toBe('');
  }
  const tooWide = () => page.locator('html').evaluate((html) => html.scrollWidth > html.clientWidth);
  const before = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 480 });
  expect(await tooWide()).toBe(false);
  if (before) await page.setViewportSize(before);
  const { origin } = new URL(url);
  for (const request of requests) {
    expect(new URL(request.url()).origin).toBe(origin);
    for (const secret of secrets) {
      expect((await request.allHeaders()).referer ?? '').not.toContain(secret);
      if (request.method() === 'POST') expect(request.url()).not.toContain(secret);
    }
  }
  expect(complaints).toEqual([]);
}

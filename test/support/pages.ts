/** A page as it came, with what a browser would keep of it. */
export interface Shown {
  status: number;
  headers: Headers;
  html: string;
  /** As a browser sends it back. */
  cookie: string;
  /** What the form's hidden and filled fields hold. */
  fields: Record<string, string>;
}

const unescaped = (text: string) => text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));

/** An attribute of a tag. */
export const attribute = (tag: string, name: string): string | undefined => {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
  return value === undefined ? undefined : unescaped(value);
};

export const tagsOf = (html: string, name: string): string[] => html.match(new RegExp(`<${name}\\b[^>]*>`, 'g')) ?? [];

/** The text of the first element of that name. */
export const textOf = (html: string, name: string): string =>
  unescaped(new RegExp(`<${name}\\b[^>]*>(.*?)</${name}>`, 's').exec(html)?.[1]?.replace(/<[^>]*>/g, '') ?? '');

async function shown(response: Response, cookie: string): Promise<Shown> {
  const html = await response.text();
  const inputs = tagsOf(html, 'input').map((tag) => [attribute(tag, 'name') ?? '', attribute(tag, 'value') ?? ''] as const);
  const set = response.headers.get('set-cookie')?.split(';')[0];
  return { status: response.status, headers: response.headers, html, cookie: set ?? cookie, fields: Object.fromEntries(inputs) };
}

export const openPage = async (url: string, headers: Record<string, string> = {}): Promise<Shown> =>
  shown(await fetch(url, { headers, redirect: 'manual' }), headers.cookie ?? '');

/** Sends the form of a page as a browser does, with what was typed in place of what stood in it. */
export async function sendForm(
  url: string,
  { fields, cookie }: Pick<Shown, 'fields' | 'cookie'>,
  typed: Record<string, string> = {},
  headers: Record<string, string> = {},
): Promise<Shown> {
  const body = new URLSearchParams({ ...fields, ...typed });
  return shown(
    await fetch(new URL(url).origin + new URL(url).pathname, {
      method: 'POST',
      headers: { cookie, 'sec-fetch-site': 'same-origin', ...headers },
      body,
      redirect: 'manual',
    }),
    cookie,
  );
}

/** Opens a page and sends its form. */
export const fillPage = async (url: string, typed: Record<string, string> = {}): Promise<Shown> =>
  sendForm(url, await openPage(url), typed);

import { escapeHtml } from '../../wording.ts';

/** A part of a mail, in plain text: both forms of the mail are made of the same parts. */
export type Block = { kind: 'paragraph' | 'code'; text: string } | { kind: 'link'; url: string; label: string; hint: string };

/** The mail for a client that shows text: lines that need no folding, each link on a line of its own. */
export const asText = (blocks: readonly Block[]): string =>
  `${blocks.map((block) => (block.kind === 'link' ? `${wrap(`${block.label}:`)}\n${block.url}` : wrap(block.text))).join('\n\n')}\n`;

const body = 'font: 16px/1.5 system-ui, sans-serif; max-width: 36em; margin: 0 auto; padding: 16px';
const code = 'font-size: 20px; font-weight: bold';
// White on this blue has a contrast of 6.8, in light and in dark.
const button =
  'display: inline-block; padding: 12px 20px; border-radius: 6px; background: #1d4fbf; color: #ffffff; font-weight: bold; text-decoration: none';

/**
 * The mail for a client that shows HTML: inline styles only, nothing to load, no colours but the button's, so that the
 * client's own dark and light ones hold.
 */
export const asHtml = (language: string, title: string, blocks: readonly Block[]): string => `<!doctype html>
<html lang="${escapeHtml(language)}" style="color-scheme: light dark">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
</head>
<body style="${body}">
${blocks.map(blockAsHtml).join('\n')}
</body>
</html>
`;

function blockAsHtml(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return `<p>${escapeHtml(block.text)}</p>`;
    case 'code':
      return `<p style="${code}">${escapeHtml(block.text)}</p>`;
    case 'link': {
      const url = escapeHtml(block.url);
      return `<p><a href="${url}" style="${button}">${escapeHtml(block.label)}</a></p>
<p>${escapeHtml(block.hint)}<br><a href="${url}" style="overflow-wrap: anywhere">${url}</a></p>`;
    }
  }
}

/** RFC 5322, 2.1.1 asks for 78 at most; a mail client that quotes the text adds some. */
const lineWidth = 76;

/** The text in lines of at most `lineWidth` characters; a longer word has a line of its own. */
function wrap(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= lineWidth) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}

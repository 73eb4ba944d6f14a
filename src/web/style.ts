import { createHash } from 'node:crypto';

/**
 * Every pair of colours that meets has a contrast of 4.5 at least, borders and focus 3 (WCAG 2.2, 1.4.3 and 1.4.11).
 * The heading gets the focus for screen readers only: there is nothing to be done with it.
 */
export const style = `
:root { color-scheme: light dark; --ink: #1a1c22; --paper: #ffffff; --line: #6b7280; --act: #1d4fbf; --on-act: #ffffff; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8ee; --paper: #14161b; --line: #8d93a1; --act: #9dbcff; --on-act: #0b1738; --bad: #ffb4ab; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main { max-width: 28rem; margin: 0 auto; padding: 2rem 1rem; }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25; }
h2 { margin: 0; font-size: 1rem; }
p { margin: 0 0 1rem; }
.product { font-weight: 600; }
.problem { margin: 0 0 1.5rem; padding: 1rem; border: 2px solid var(--bad); border-radius: .5rem; }
.problem p { margin: .25rem 0 0; }
.problem a, .problem h2 { color: var(--bad); }
label { display: block; margin: 0 0 .25rem; font-weight: 600; }
input { display: block; width: 100%; margin: 0 0 1.25rem; padding: .625rem .75rem; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: .375rem; }
input[aria-invalid] { border: 2px solid var(--bad); }
button { width: 100%; padding: .75rem 1rem; font: inherit; font-weight: 600; color: var(--on-act); background: var(--act); border: 2px solid var(--act); border-radius: .375rem; cursor: pointer; }
form ~ form { margin-top: 1rem; }
h1:focus { outline: none; }
.other { color: var(--act); background: var(--paper); }
.qr svg { display: block; width: 100%; max-width: 16rem; margin: 0 auto 1rem; }
code { font: 1.125rem/1.5 ui-monospace, monospace; }
main.wide { max-width: 60rem; }
.wide code, pre, textarea { font: .875rem/1.5 ui-monospace, monospace; }
pre, textarea { width: 100%; margin: 0 0 1rem; padding: .625rem .75rem; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: .375rem; white-space: pre-wrap; }
details { margin: 0 0 .5rem; }
summary { padding: .25rem 0; cursor: pointer; }
.wide summary code { font-weight: 600; }
.wide a { color: var(--act); }
.wide button { margin-bottom: 1rem; }
details > :not(summary) { margin-left: 1rem; }
.told { white-space: pre-wrap; }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; }
`;

/** What the Content-Security-Policy names it by; any other style, and any script, does nothing. */
export const styleHash = `'sha256-${createHash('sha256').update(style).digest('base64')}'`;

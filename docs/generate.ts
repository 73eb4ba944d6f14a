// Writes the pages of docs/ that follow from the code; with --check it only tells which are out of step.
import { readFileSync, writeFileSync } from 'node:fs';
import { Code } from '@connectrpc/connect';
import { settings } from '../src/config.ts';
import { reasons } from '../src/kernel/reasons.ts';

const grpcName = (code: Code) => (Code[code] ?? '').replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

const errors = () =>
  [
    '# Errors',
    '',
    'Generated from `src/kernel/reasons.ts` by `npm run generate`.',
    '',
    'Every error carries `google.rpc.ErrorInfo` with a reason from this table and the domain `roster`, and',
    '`zitadel.v1.ErrorDetail` with the reason as its id; the status message ends with the reason in parentheses. Broken',
    'rules of a request add `google.rpc.BadRequest` with every field, limits add `google.rpc.RetryInfo`. Reasons stay as',
    'they are; the sentences may change. Only what is no request at all (a body that cannot be parsed, a message over the',
    'size limit, an unknown path) is answered by the protocol below, with a code alone.',
    '',
    '| reason | code | sentence |',
    '| --- | --- | --- |',
    ...Object.entries(reasons).map(([reason, [code, sentence]]) => `| \`${reason}\` | ${grpcName(code)} | ${sentence} |`),
    '',
  ].join('\n');

const configuration = () =>
  [
    '# Configuration',
    '',
    'Generated from `src/config/variables.ts` by `npm run generate`.',
    '',
    'Everything is an environment variable, read once at the start; all mistakes are told at once. An empty value counts as',
    'unset unless said otherwise.',
    '',
    '| variable | default | meaning |',
    '| --- | --- | --- |',
    ...settings.map(({ name, default: standard, meaning }) => `| \`${name}\` | ${standard} | ${meaning} |`),
    '',
  ].join('\n');

const pages: Record<string, () => string> = { 'errors.md': errors, 'configuration.md': configuration };
const check = process.argv.includes('--check');

for (const [name, write] of Object.entries(pages)) {
  const file = new URL(name, import.meta.url);
  const wanted = write();
  if (!check) writeFileSync(file, wanted);
  else if (readFileSync(file, 'utf8') !== wanted) {
    console.error(`docs/${name} is out of step with the code: run npm run generate`);
    process.exitCode = 1;
  }
}

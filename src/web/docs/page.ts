// The page to read about REST and to try it. All that it shows comes from /openapi.json, by its script.
import { docsScriptPath, openApiPath } from '../assets.ts';
import { en } from '../en.ts';
import { htmlPage } from '../layout.ts';
import { scriptPolicy } from '../policy.ts';
import type { Route } from '../visit.ts';

export const docsPath = '/docs';

/** For programmers, in the language of the definitions. */
const main = `<p id="about">Every call by HTTP and JSON, as <a href="${openApiPath}">openapi.json</a> describes it. What is sent from here counts.</p>
<noscript><p>This page needs a script; ${openApiPath} needs none.</p></noscript>
<label for="token">Token</label>
<input id="token" type="password" autocomplete="off" spellcheck="false" aria-describedby="kept">
<p id="kept">Kept by this page until it is left, and nowhere else.</p>
<label for="filter">Find a call</label>
<input id="filter" type="search" autocomplete="off">
<div id="problem" role="alert"></div>
<div id="calls"></div>
<script src="${docsScriptPath}"></script>`;

export const docsRoute: Route = {
  name: 'docs',
  get: ({ product }) => ({
    status: 200,
    headers: { 'content-security-policy': scriptPolicy },
    body: htmlPage({ texts: en, product }, { title: 'REST', main, wide: true }),
  }),
};

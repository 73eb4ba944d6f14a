// Starts everything: a Roster of its own, or the one that ROSTER_URL and ROSTER_TOKEN name; somebody to sign in as; the page.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { startOwnRoster } from '../ownRoster.ts';
import { loginBackend } from './backend.ts';
import { bundlePage } from './bundle.ts';
import { createDemo } from './demo.ts';

const closers: (() => Promise<unknown>)[] = [];
async function stop(): Promise<void> {
  for (let close = closers.pop(); close; close = closers.pop()) await close();
  process.exit();
}
process.once('SIGINT', stop).once('SIGTERM', stop);

/** Ended, while it starts or later, with the rest. */
function startRoster() {
  // Without it browsers keep the page from calling Roster: it comes from another origin.
  const starting = startOwnRoster({ ROSTER_CORS_ORIGINS: origin });
  closers.push(() => starting.then(({ close }) => close()));
  return starting;
}

const { PORT = '3000', ROSTER_URL: url, ROSTER_TOKEN: token } = process.env;
const server = createServer().listen(Number(PORT), '127.0.0.1');
await once(server, 'listening');
const address = server.address();
// By name, not by number: passkeys are bound to names.
const origin = `http://localhost:${typeof address === 'object' ? address?.port : PORT}`;

const roster = url && token ? { url: new URL(url).origin, token } : await startRoster();
const { serviceToken, remove, ...demo } = await createDemo(roster.url, roster.token);
closers.push(remove);
const files = await bundlePage(roster.url);
server.on('request', loginBackend({ rosterUrl: roster.url, serviceToken, origin, files }));

console.log(`
Open ${origin}

  name      ${demo.loginName}
  password  ${demo.password}

To sign in with a passkey, first make one: ${demo.passkeyLink}
Roster is at ${roster.url}${url ? `; its ROSTER_CORS_ORIGINS has to name ${origin}` : ''}. Ctrl-C ends all, and removes what was made.`);

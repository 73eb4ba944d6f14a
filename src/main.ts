import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { styleText } from 'node:util';
import { type Running, start } from './app.ts';
import { type Config, readConfig } from './config.ts';
import { startProblem } from './problems.ts';

async function main(): Promise<void> {
  let config: Config | undefined;
  let running: Running;
  try {
    config = readConfig(process.env);
    running = await start(config);
  } catch (error) {
    const problem = startProblem(error, config);
    console.error(problem ? `${styleText('red', 'Roster did not start.', { stream: process.stderr })} ${problem}` : error);
    process.exitCode = 1;
    return;
  }
  stopOnSignals(running);
  console.log(welcome(running, config));
}

/** The first signal drains, a second one ends at once. */
function stopOnSignals(running: Running): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    running.app.log.info({ signal }, 'stopping: running requests finish, new ones are refused');
    running.close().then(
      () => process.exit(0),
      (error: unknown) => {
        running.app.log.error(error, 'could not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
}

const bold = (text: string) => styleText('bold', text, { stream: process.stdout });

function welcome({ port, tokenFile, app }: Running, config: Config): string {
  const host = config.listen.host === '' ? 'localhost' : config.listen.host;
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const kept = relative(process.cwd(), join(config.dataDir, 'admin.pat'));
  const first = tokenFile ? [`The owner's token was written to ${bold(kept)}: keep it, it opens everything.`] : [];
  const flags = config.tls ? '' : ' -plaintext';
  const version: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
  return [
    `Roster ${version} serves gRPC, gRPC-Web and Connect at ${bold(app.settings.publicUrl)} (${address}).`,
    ...first,
    'Try:',
    `  curl -s ${app.settings.publicUrl}/zitadel.user.v2.UserService/ListUsers -H "Authorization: Bearer $(cat ${kept})" -H 'Content-Type: application/json' -d '{}'`,
    `  grpcurl${flags} -H "Authorization: Bearer $(cat ${kept})" ${address} zitadel.user.v2.UserService/ListUsers`,
  ].join('\n');
}

await main();

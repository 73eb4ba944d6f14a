// Runs the conformance suite: node bench/conformance/run.ts [lean|connect] [patterns of cases]. Needs Go; what it downloads
// stays in Go's own folders and in node_modules/.cache. Exits with 0 when every case passes.
import { execFileSync, spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';

const version = 'v1.0.5';
const [path = 'lean', ...patterns] = process.argv.slice(2);
const here = import.meta.dirname;
const folder = resolve(here, '../../node_modules/.cache/roster-conformance');

const install = ['install', `connectrpc.com/conformance/cmd/connectconformance@${version}`];
execFileSync('go', install, { stdio: 'inherit', env: { ...process.env, GOBIN: folder } });
const module = execFileSync('go', ['mod', 'download', '-json', `connectrpc.com/conformance@${version}`], { cwd: folder });
const { Dir: sources }: { Dir: string } = JSON.parse(module.toString());

const server = [process.execPath, '--import', './src/imports.mjs', join(here, 'server.ts'), join(sources, 'proto'), path];
const { status } = spawnSync(
  join(folder, 'connectconformance'),
  [
    ...['--mode', 'server', '--conf', join(here, 'config.yaml'), '--max-servers', '2', '--skip', `@${join(here, 'skipped.txt')}`],
    ...patterns.flatMap((pattern) => ['--run', pattern]),
    ...['--', ...server],
  ],
  { stdio: 'inherit', cwd: resolve(here, '../..') },
);
process.exitCode = status ?? 1;

import { pino } from 'pino';
import { startEmbedded } from '../../../src/kernel/db/embedded.ts';

const alive = setInterval(() => {}, 60_000);
const [, , dataDir = ''] = process.argv;
const embedded = await startEmbedded({ dataDir, log: pino(), settings: { fsync: 'off' } });
process.once('SIGTERM', () => void embedded.stop().then(() => clearInterval(alive)));
process.once('SIGUSR2', () => process.exit(7));
process.stdout.write(`ready ${embedded.url}\n`);

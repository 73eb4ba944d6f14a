import { pino } from 'pino';
import { migrate } from '../../../src/kernel/db/migrate.ts';

const [, , url = '', folder = ''] = process.argv;
await migrate(url, { log: pino(), folder });

// Makes a data folder with that many users, for the benchmark or for looking around:
// node bench/generate.ts --users 1000000 [--data folder]; then ROSTER_DATA=folder npm start.
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { defaultData, prepareData } from './load.ts';

const options = { users: { type: 'string' }, data: { type: 'string' } } as const;
const { users = '1000000', data } = parseArgs({ options }).values;
const total = Number(users);
if (!(total >= 1 && total <= 10_000_000)) throw new Error('--users takes a number from 1 to 10000000');
const dataDir = resolve(data ?? join(defaultData, users));
await prepareData(dataDir, total, (text) => console.error(text));
console.log(dataDir);

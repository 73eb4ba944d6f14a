// One prepared select of a user, and nothing else: what the database costs a Node process that answers with a user.
// node bench/bareSelect.ts <url> <callers> <seconds> <users> prints how many there were and what they cost, as JSON.
import postgres from 'postgres';
import { userId } from './people.ts';

const [url = '', callers = '1', seconds = '1', total = '1'] = process.argv.slice(2);
const users = Number(total);
/** As many connections as the service has unless told otherwise. */
const pool = 10;
const warmUpMs = 700;
const sql = postgres(url, { max: pool, fetch_types: false });

const select = () =>
  sql.unsafe('select * from users where id = $1', [userId(Math.floor(Math.random() * users), users)], { prepare: true });

async function run(milliseconds: number): Promise<number> {
  let count = 0;
  const end = performance.now() + milliseconds;
  const caller = async () => {
    for (; performance.now() < end; count++) if ((await select()).length !== 1) throw new Error('no such user');
  };
  await Promise.all(Array.from({ length: Number(callers) }, caller));
  return count;
}

const warmUp = await run(warmUpMs);
const before = process.cpuUsage();
const count = await run(Number(seconds) * 1000);
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ count, warmUp, cpuMs: (user + system) / 1000 }));
await sql.end();

// The least that a page of users costs a Node process: one prepared select of its rows, and its message encoded.
// The page comes as a message on standard input. node bench/barePage.ts <url> <callers> <seconds> prints how many there
// were and what they cost, as JSON.
import { buffer } from 'node:stream/consumers';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { getTableColumns } from 'drizzle-orm';
import postgres from 'postgres';
import { ListUsersResponseSchema } from '../gen/zitadel/user/v2/user_service_pb.ts';
import { users } from '../src/kernel/db/schema.ts';

const [url = '', callers = '1', seconds = '1'] = process.argv.slice(2);
const page = fromBinary(ListUsersResponseSchema, await buffer(process.stdin));
/** As many connections as the service has unless told otherwise. */
const pool = 10;
const warmUpMs = 1_500;
const sql = postgres(url, { max: pool, fetch_types: false });
const columns = Object.values(getTableColumns(users)).map(({ name }) => name);
const shown = columns.filter((name) => name === 'avatar_key' || !name.endsWith('_key')).join(', ');
const text = `select ${shown} from users order by created_at desc, id desc limit 100`;

async function run(milliseconds: number): Promise<number> {
  let count = 0;
  const end = performance.now() + milliseconds;
  const caller = async () => {
    for (; performance.now() < end; count++) {
      const rows = await sql.unsafe(text, [], { prepare: true });
      if (rows.length !== page.result.length) throw new Error('another page');
      toBinary(ListUsersResponseSchema, page);
    }
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

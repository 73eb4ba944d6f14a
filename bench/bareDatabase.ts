// The least that a call costs a Node process beside its answer: its database work alone, by prepared statements. "get" selects a
// user; "page" selects a hundred and encodes their message, which comes on standard input; "create" inserts a user with the event
// that tells of it (what counts users is a trigger). Prints how many there were and what they cost, as JSON:
// node bench/bareDatabase.ts get|page|create <url> <callers> <seconds> <users> [binary|json]
import { buffer } from 'node:stream/consumers';
import { fromBinary, toBinary, toJsonString } from '@bufbuild/protobuf';
import { getTableColumns } from 'drizzle-orm';
import postgres from 'postgres';
import { ListUsersResponseSchema } from '../gen/zitadel/user/v2/user_service_pb.ts';
import { users } from '../src/kernel/db/schema.ts';
import { Ids } from '../src/kernel/ids.ts';
import { createdPrefix } from './load.ts';
import { userId } from './people.ts';

const [work = '', url = '', callers = '1', seconds = '1', total = '1', form = 'binary'] = process.argv.slice(2);
/** As many connections as the service has unless told otherwise. */
const pool = 10;
const warmUpMs = 1_000;
const sql = postgres(url, { max: pool, fetch_types: false });

const works: Record<string, () => Promise<() => Promise<void>>> = {
  async get() {
    const count = Number(total);
    return async () => {
      const id = userId(Math.floor(Math.random() * count), count);
      const rows = await sql.unsafe('select * from users where id = $1', [id], { prepare: true });
      if (rows.length !== 1) throw new Error('no such user');
    };
  },

  async page() {
    const page = fromBinary(ListUsersResponseSchema, await buffer(process.stdin));
    const columns = Object.values(getTableColumns(users)).map(({ name }) => name);
    const shown = columns.filter((name) => name === 'avatar_key' || !name.endsWith('_key')).join(', ');
    const text = `select ${shown} from users order by created_at desc, id desc limit 100`;
    const encode = form === 'json' ? toJsonString : toBinary;
    return async () => {
      const rows = await sql.unsafe(text, [], { prepare: true });
      if (rows.length !== page.result.length) throw new Error('another page');
      encode(ListUsersResponseSchema, page);
    };
  },

  async create() {
    const [row] = await sql<{ id: string }[]>`
      select organization_id as id from users group by organization_id order by count(*) desc limit 1`;
    const organization = row?.id ?? '';
    const ids = new Ids(process.pid % 1000, () => new Date());
    return async () => {
      const id = ids.next();
      const name = `${createdPrefix}bare-${id}`;
      const email = `${name}@example.com`;
      await sql.begin(async (tx) => {
        await tx.unsafe(insertUser, [id, organization, name, email], { prepare: true });
        await tx.unsafe(insertEvent, [id, organization], { prepare: true });
      });
    };
  },
};

const insertUser = `
  insert into users (id, organization_id, type, state, sequence, created_at, changed_at, username, username_key, given_name,
    given_name_key, family_name, family_name_key, display_name, display_name_key, preferred_language, email, email_key, email_verified)
  values ($1, $2, 'human', 'active', 1, now(), now(), $3, $3, 'Newly', 'newly', 'Created', 'created', 'Newly Created', 'newly created',
    'und', $4, $4, true) returning *`;
const insertEvent = `
  insert into user_events (user_id, sequence, organization_id, type, payload, caller_id, created_at)
  values ($1, 1, $2, 'user.created', '{}', 'bench', now())`;

async function run(once: () => Promise<void>, milliseconds: number): Promise<number> {
  let count = 0;
  const end = performance.now() + milliseconds;
  const caller = async () => {
    for (; performance.now() < end; count++) await once();
  };
  await Promise.all(Array.from({ length: Number(callers) }, caller));
  return count;
}

const prepare = works[work];
if (!prepare) throw new Error(`no work ${work}`);
const once = await prepare();
const warmUp = await run(once, warmUpMs);
const before = process.cpuUsage();
const count = await run(once, Number(seconds) * 1000);
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ count, warmUp, cpuMs: (user + system) / 1000 }));
await sql.end();

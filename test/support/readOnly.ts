import type { TestServer } from './server.ts';

/** Does the work while the database takes no writes, as one that is no longer the primary. */
export async function whileReadOnly({ sql, database }: TestServer, work: () => Promise<void>): Promise<void> {
  const name = new URL(database.url).pathname.slice(1);
  const setReadOnly = async (state: 'on' | 'off') => {
    await sql.begin('read write', (tx) => tx.unsafe(`alter database "${name}" set default_transaction_read_only = ${state}`));
    // Connections that are open keep the setting that they began with.
    await sql`select pg_terminate_backend(pid, 10000) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`;
  };
  await setReadOnly('on');
  try {
    await work();
  } finally {
    await setReadOnly('off');
  }
}

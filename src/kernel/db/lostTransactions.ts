import type { Sql, TransactionSql } from 'postgres';
import { isConnectionLost } from './failures.ts';
import type { Unsafe } from './preparing.ts';

type Work = (sql: TransactionSql) => Promise<unknown>;
/** What the statements of the pool and of its transactions go through as well. */
type Decorate = (unsafe: Unsafe) => Unsafe;

/**
 * A client whose transactions end with their connection. postgres.js rejects `begin` when the connection is lost, but lets
 * the work go on and then rolls back on a connection that is gone, which ends the process (porsager/postgres issues 1154
 * and 1208); or, once it is back, runs the statements left outside any transaction. Here work that has lost its connection
 * sends nothing more and never returns.
 */
export const guardTransactions = (client: Sql, decorate: Decorate): Sql =>
  new Proxy(client, {
    get: (target, name) => {
      if (name === 'begin') return (mode: string, work: Work) => begin(target, decorate, mode, work);
      return name === 'unsafe' ? decorate(target.unsafe) : Reflect.get(target, name);
    },
  });

async function begin(client: Sql, decorate: Decorate, mode: string, work: Work): Promise<unknown> {
  const state = { lost: false, decorate };
  try {
    return await client.begin(mode, (sql) => held(state, work(guarded(sql, state))));
  } catch (error) {
    state.lost = true;
    throw error;
  }
}

interface State {
  lost: boolean;
  decorate: Decorate;
}

/** What a transaction's statements go through: template, `unsafe` and savepoints. */
const guarded = (sql: TransactionSql, state: State): TransactionSql =>
  new Proxy(sql, {
    apply: (target, self, args) => {
      check(state);
      return Reflect.apply(target, self, args);
    },
    get: (target, name) => {
      check(state);
      if (name === 'unsafe') return state.decorate(target.unsafe);
      if (name !== 'savepoint') return Reflect.get(target, name);
      return (work: Work) => target.savepoint((inner) => held(state, work(guarded(inner, state))));
    },
  });

function check({ lost }: State): void {
  if (lost) throw new Error('the connection of this transaction was lost');
}

/** The result of the work, or nothing ever when the connection went away meanwhile: neither commit nor rollback may follow. */
async function held<T>(state: State, work: Promise<T>): Promise<T> {
  try {
    const result = await work;
    return state.lost ? await never : result;
  } catch (error) {
    if (isConnectionLost(error)) state.lost = true;
    if (state.lost) return never;
    throw error;
  }
}

const never = new Promise<never>(() => {});

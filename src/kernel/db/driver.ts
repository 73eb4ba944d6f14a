// Between Drizzle and postgres.js: what a statement costs besides its way to Postgres and back. Drizzle's own driver finds
// out anew for each value where it goes, and for each parameter whether it is a placeholder.
import { is, Param, Placeholder, type Query } from 'drizzle-orm';
import { PgDialect, PgPreparedQuery, type PreparedQueryConfig, type SelectedFieldsOrdered } from 'drizzle-orm/pg-core';
import { PostgresJsDatabase, PostgresJsSession } from 'drizzle-orm/postgres-js';
import type { Sql } from 'postgres';
import { rowMapper } from './rows.ts';

/** Statements, and below them the connections that they go to: the pool, or the one of a transaction. */
export type Db = PostgresJsDatabase & { $client: Sql };

const dialect = new PgDialect();

export const databaseOver = (client: Sql): Db =>
  Object.assign(new PostgresJsDatabase<Record<string, never>>(dialect, new Session(client, dialect, undefined), undefined), {
    $client: client,
  });

type Values = Readonly<Record<string, unknown>>;

/** What becomes of a statement's rows. */
interface Answer {
  fields: SelectedFieldsOrdered | undefined;
  /** In place of objects made of the fields. */
  toResult: ((rows: unknown[][]) => unknown) | undefined;
  /** Named ones are prepared. */
  isNamed: boolean;
}

class Statement<T extends PreparedQueryConfig> extends PgPreparedQuery<T> {
  /** Set by Drizzle's select, after it has made the statement. */
  declare joinsNotNullableMap?: Record<string, boolean>;
  readonly #client: Sql;
  readonly #fields: Answer['fields'];
  readonly #toResult: Answer['toResult'];
  readonly #isNamed: boolean;
  readonly #parameters: readonly ((values: Values) => unknown)[];
  #toRow: ReturnType<typeof rowMapper> | undefined;

  constructor(client: Sql, query: Query, { fields, toResult, isNamed }: Answer) {
    super(query, undefined, undefined);
    this.#client = client;
    this.#fields = fields;
    this.#toResult = toResult;
    this.#isNamed = isNamed;
    this.#parameters = query.params.map(parameterOf);
  }

  override async execute(values: Values = {}) {
    const parameters = this.#parameters.map((parameter) => parameter(values));
    const { unsafe } = this.#client;
    // What a column's encoder makes is of no type that the driver names.
    const sent: ReturnType<typeof unsafe> = Reflect.apply(unsafe, null, [this.query.sql, parameters, { prepare: this.#isNamed }]);
    if (this.#toResult) return this.#toResult(await sent.values());
    if (!this.#fields) return await sent;
    this.#toRow ??= rowMapper(this.#fields, this.joinsNotNullableMap);
    return (await sent.values()).map(this.#toRow);
  }
}

class Session extends PostgresJsSession<Sql, Record<string, never>, Record<string, never>> {
  override prepareQuery<T extends PreparedQueryConfig>(
    query: Query,
    fields: SelectedFieldsOrdered | undefined,
    name: string | undefined,
    _isResponseInArrayMode: boolean,
    toResult?: Answer['toResult'],
  ): PgPreparedQuery<T> {
    return new Statement<T>(this.client, query, { fields, toResult, isNamed: name !== undefined });
  }
}

function parameterOf(parameter: unknown): (values: Values) => unknown {
  if (is(parameter, Placeholder)) return (values) => given(values, parameter.name);
  if (is(parameter, Param) && is(parameter.value, Placeholder)) {
    const { encoder, value } = parameter;
    return (values) => encoder.mapToDriverValue(given(values, value.name));
  }
  return () => parameter;
}

function given(values: Values, name: string): unknown {
  if (!(name in values)) throw new Error(`a statement has no value for ${name}`);
  return values[name];
}

// Runs the requests of one method with every id for everybody, and says where an answer is not the declared one.
import { type DescMethod, fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf';
import type { Access } from '../../../src/kernel/auth/access.ts';
import { organizationHeader } from '../../../src/server/organization.ts';
import { type Asked, allUnknown, type Choice, choicesOf, filled, unknownId } from './choices.ts';
import { type Form, formsOf } from './forms.ts';
import { type IdPlace, idPlaces, withId } from './ids.ts';
import type { Memory } from './memory.ts';
import { decoded, onlySeen } from './rows.ts';
import { type Verdict, verdictOf } from './rules.ts';
import { type Answer, outcomeOf, printOf, type Wire } from './wire.ts';
import { type Caller, type Person, type Stage, stages, type World } from './world.ts';

export interface Matrix {
  world: World;
  memory: Memory;
  wire: Wire;
  /** How often one of the strangers has asked alone. */
  turns: number;
}

export interface Served {
  method: DescMethod;
  access: Access;
}

interface Method extends Served {
  /** What the owner was told, by request and organization. */
  told: Map<string, Promise<Said>>;
}

export interface Report {
  /** Answers that are not as declared. */
  problems: string[];
  /** The forms that not even the owner gets through, and what he is told. */
  failing: Record<string, string>;
  /** Some form went through. */
  succeeded: boolean;
  /** Some form changed something. */
  changed: boolean;
  /** The id fields that were asked with. */
  fields: Set<string>;
}

interface Said {
  answer: Answer;
  outcome: string;
  /** Whether it left the database different; it is restored by now. */
  changed: boolean;
}

interface Asking extends Method {
  form: Form;
  places: IdPlace[];
  /** Whom the request is about, and what the owner was told then. */
  stage: Stage;
  said: Said;
  /** The first form of the method that makes sense. */
  isFirst: boolean;
  /** The id fields that an earlier form has been asked with. */
  before: ReadonlySet<string>;
  /** What callers were told of ids that do not exist. */
  unknown: Map<Person, Promise<Answer>>;
}

export async function checkMethod(matrix: Matrix, served: Served): Promise<Report> {
  const report: Report = { problems: [], failing: {}, succeeded: false, changed: false, fields: new Set() };
  const method = { ...served, told: new Map() };
  let isFirst = true;
  for (const form of formsOf(served.method.input)) {
    const places = [...idPlaces(served.method.input, form.json)];
    const { stage, said } = await stageFor(matrix, method, form, places);
    if (said.outcome === 'ok') report.succeeded = true;
    else report.failing[form.label] = said.outcome;
    if (said.changed) report.changed = true;
    // What makes no sense in itself is refused before anybody looks at ids.
    if (/^(invalid_argument|unimplemented) /.test(said.outcome)) continue;
    const before = new Set(report.fields);
    const asking = { ...method, form, places, stage, said, isFirst, before, unknown: new Map() };
    report.problems.push(...(await checkForm(matrix, asking)));
    for (const { name } of places) report.fields.add(name);
    isFirst = false;
  }
  return report;
}

/** The first kind of user that the owner gets the request through with, else the first of all. */
async function stageFor(matrix: Matrix, method: Method, form: Form, places: IdPlace[]): Promise<Pick<Asking, 'stage' | 'said'>> {
  const { mine } = matrix.world;
  let first: Pick<Asking, 'stage' | 'said'> | undefined;
  for (const stage of stages) {
    const said = await tellOwner(
      matrix,
      method,
      filled(method.access, form.json, places, { user: mine.people[stage], place: mine }),
    );
    if (said.outcome === 'ok') return { stage, said };
    first ??= { stage, said };
  }
  if (!first) throw new Error('there are no kinds of users');
  return first;
}

/** Declarations that are judged before anything of the request but whom it names. */
const declaredAlone: ReadonlySet<Access['on']> = new Set(['organization', 'instance', 'session']);

async function checkForm(matrix: Matrix, asking: Asking): Promise<string[]> {
  const problems: string[] = [];
  const { access, form, places, stage, isFirst, before } = asking;
  for (const choice of choicesOf(matrix.world, access, form.json, places, stage)) {
    // One form is enough to see what a place does with other ids.
    if (choice.place === 'header' ? !isFirst : choice.place && before.has(choice.place)) continue;
    // Where the declaration alone decides, the first form shows who may, and a later one only what its own ids do.
    if (!choice.place && !isFirst && declaredAlone.has(access.on)) continue;
    const found = await checkChoice(matrix, asking, choice);
    problems.push(...found.map((problem) => `${form.label || 'smallest'} · ${choice.name} · ${problem}`));
  }
  return problems;
}

async function checkChoice(matrix: Matrix, asking: Asking, choice: Choice): Promise<string[]> {
  const { world, memory } = matrix;
  const known = world.callers.flatMap((caller) => (caller.person ? [{ caller, person: caller.person }] : []));
  const problems: string[] = [];
  const silent = [checkStrangers(matrix, asking, choice)];
  const changing: (() => Promise<void>)[] = [];
  for (const { caller, person } of known) {
    const asked = choice.for(person);
    const verdict = verdictOf(world, { ...asking, caller: person, ...asked });
    const wanted = await expectationOf(matrix, asking, person, asked, verdict);
    const name = (problem: string) => `${caller.name}: ${problem}`;
    if (!wanted.changes) silent.push(checkSilent(matrix, asking, caller, asked, wanted).then((found) => found.map(name)));
    else if (caller !== world.owner)
      changing.push(async () => {
        const said = await tell(matrix, asking, caller, asked);
        if (said.outcome !== wanted.outcome) problems.push(name(`${said.outcome} in place of ${wanted.outcome}`));
        if (!said.changed) problems.push(name('nothing changed'));
      });
  }
  await settle(silent, problems, memory);
  for (const work of changesToTry(matrix, asking, choice, changing)) await work();
  return problems;
}

/**
 * Whoever gets through does with the first form. What a later one holds counts only for calls on a user or a session, and
 * what goes through here goes through there: there one of them in turn.
 */
function changesToTry<T>(matrix: Matrix, { isFirst, access }: Asking, { name }: Choice, changing: readonly T[]): readonly T[] {
  if (isFirst) return changing;
  if (!isOnRecord(access) || name === 'theirs' || changing.length === 0) return [];
  const next = ++matrix.turns % changing.length;
  return changing.slice(next, next + 1);
}

const isOnRecord = ({ on }: Access): boolean => on === 'user' || on === 'session';

/** Ends what may not change anything, and sees that it did not. */
async function settle(silent: Promise<string[]>[], problems: string[], memory: Memory): Promise<void> {
  problems.push(...(await Promise.all(silent.splice(0))).flat());
  const changed = await memory.undo();
  if (changed.length > 0) problems.push(`${changed.join(', ')} changed without a right`);
}

interface Expectation {
  outcome: string;
  changes: boolean;
  /** The whole answer, where it is known. */
  print?: string | undefined;
  rows?: JsonObject;
}

/** What a verdict means for this request, in words of the wire. */
async function expectationOf(
  matrix: Matrix,
  asking: Asking,
  caller: Person,
  asked: Asked,
  verdict: Verdict,
): Promise<Expectation> {
  // The owner lives elsewhere: where the caller's own organization counts, he has to name it.
  const header = asking.access.on === 'organization' ? (asked.header ?? caller.organizationId) : asked.header;
  const asOwner = (json: JsonObject) => tellOwner(matrix, asking, { json, header });
  switch (verdict.kind) {
    case 'refused': {
      if (!verdict.hidden) return { outcome: verdict.outcome, changes: false };
      const { access, form, places } = asking;
      const unknown = await once(asking.unknown, caller, () =>
        askAs(matrix, asking, caller, allUnknown(access, form.json, places)),
      );
      return { outcome: verdict.outcome, changes: false, print: printOf(unknown) };
    }
    case 'as unknown': {
      const json = withId(asked.json, verdict.place.path, unknownId);
      const unknown = await askAs(matrix, asking, caller, { ...asked, json });
      return { outcome: (await asOwner(json)).outcome, changes: false, print: printOf(unknown) };
    }
    case 'as owner': {
      const { said, stage, access } = asking;
      // Somebody of the kind that the request is about is told what the owner is.
      if (access.on === 'user' && said.changed && asked.json.userId === caller.id && stage === caller.type) {
        return { outcome: said.outcome, changes: true };
      }
      const { outcome, changed, answer } = await asOwner(asked.json);
      return { outcome, changes: changed, print: changed ? undefined : printOf(answer) };
    }
    case 'own rows': {
      const { outcome, answer } = await asOwner(asked.json);
      return outcome === 'ok'
        ? { outcome, changes: false, rows: onlySeen(asking.method, answer, verdict.sees) }
        : { outcome, changes: false };
    }
  }
}

async function checkSilent(matrix: Matrix, asking: Asking, caller: Caller, asked: Asked, wanted: Expectation): Promise<string[]> {
  const answer = await ask(matrix, asking, caller, asked);
  const outcome = outcomeOf(answer);
  if (outcome !== wanted.outcome) return [`${outcome} in place of ${wanted.outcome}`];
  if (wanted.print !== undefined && printOf(answer) !== wanted.print) return [`${printOf(answer)} in place of ${wanted.print}`];
  if (wanted.rows === undefined) return [];
  const rows = JSON.stringify(decoded(asking.method, answer));
  return rows === JSON.stringify(wanted.rows) ? [] : [`${rows} in place of ${JSON.stringify(wanted.rows)}`];
}

/** No stranger gets as far as a form: each asks once, and of whatever else is asked one of them in turn. */
async function checkStrangers(matrix: Matrix, asking: Asking, choice: Choice): Promise<string[]> {
  const all = matrix.world.strangers;
  const next = matrix.turns++ % all.length;
  const strangers = asking.isFirst && choice.name === 'mine' ? all : all.slice(next, next + 1);
  const answers = await Promise.all(strangers.map((caller) => ask(matrix, asking, caller, choice.for(undefined))));
  const prints = new Map<string, string>();
  const different = strangers.filter(({ refused }, index) => {
    const answer = answers[index];
    if (!answer) return true;
    const print = prints.get(refused) ?? printOf(answer);
    prints.set(refused, print);
    return outcomeOf(answer) !== refused || printOf(answer) !== print;
  });
  return different.map(({ name, refused }) => `${name}: not ${refused}, or not like the others`);
}

function once<K, V>(known: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}

const tellOwner = (matrix: Matrix, method: Method, asked: Asked): Promise<Said> =>
  once(method.told, JSON.stringify(asked), () => tell(matrix, method, matrix.world.owner, asked));

/** Asks, and puts back what that changed. */
async function tell(matrix: Matrix, asking: Served, caller: Caller, asked: Asked): Promise<Said> {
  const answer = await ask(matrix, asking, caller, asked);
  const changed = await matrix.memory.undo();
  return { answer, outcome: outcomeOf(answer), changed: changed.length > 0 };
}

function askAs(matrix: Matrix, asking: Asking, person: Person, asked: Asked): Promise<Answer> {
  const caller = matrix.world.callers.find((known) => known.person === person);
  if (!caller) throw new Error(`${person.id} cannot call`);
  return ask(matrix, asking, caller, asked);
}

function ask({ wire }: Matrix, { method }: Served, { authorization }: Caller, { json, header }: Asked): Promise<Answer> {
  const message = fromJson(method.input, json);
  const headers = { authorization, [organizationHeader]: header };
  return wire.send({ path: pathOf(method), headers, body: toBinary(method.input, message) });
}

export const pathOf = (method: DescMethod): string => `/${method.parent.typeName}/${method.name}`;

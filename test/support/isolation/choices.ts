// The ids that a request is asked with: everything of one place first, then each id field in turn.
import type { JsonObject } from '@bufbuild/protobuf';
import type { Access } from '../../../src/kernel/auth/access.ts';
import { type IdPlace, withId } from './ids.ts';
import { accountOf, providerFor } from './providers.ts';
import { foreignId, sessionTokenOf } from './values.ts';
import type { Person, Place, Stage, World } from './world.ts';

/** A request but for who asks. */
export interface Asked {
  json: JsonObject;
  /** The organization that the header names. */
  header: string | undefined;
}

export interface Choice {
  name: string;
  /** The id field that alone is different, or `header`. */
  place?: string;
  for(caller: Person | undefined): Asked;
}

/** Names nothing, and never did. */
export const unknownId = '100000000000000001';
const freshId = 'fresh';

interface Subject {
  user: Pick<Person, 'id' | 'parts'>;
  place: Pick<Place, 'id' | 'domain'>;
}

const unknown: Subject = {
  user: {
    id: unknownId,
    parts: {
      token: unknownId,
      key: unknownId,
      passkey: unknownId,
      u2f: unknownId,
      session: unknownId,
      sessionToken: sessionTokenOf(unknownId),
      loginName: 'unknown@example.com',
    },
  },
  place: { id: unknownId, domain: 'unknown.example.com' },
};

function idOf({ kind, isNew, name }: IdPlace, { user, place }: Subject): string {
  if (isNew) return freshId;
  switch (kind) {
    case 'user':
      return user.id;
    case 'token':
    case 'key':
    case 'passkey':
    case 'u2f':
    case 'session':
    case 'sessionToken':
    case 'loginName':
      return user.parts[kind];
    case 'organization':
      return place.id;
    case 'domain':
      return place.domain;
    case 'link':
      return accountOf(user.id);
    case 'provider':
      return place.id === unknownId ? unknownId : providerFor(name, place.id);
    case 'foreign':
      return foreignId;
  }
}

/** A form with its ids filled, for a method of this access. */
export function filled(access: Access, form: JsonObject, places: readonly IdPlace[], subject: Subject): Asked {
  const json = places.reduce((request, place) => withId(request, place.path, idOf(place, subject)), form);
  return { json, header: access.on === 'organization' ? subject.place.id : undefined };
}

export const allUnknown = (access: Access, form: JsonObject, places: readonly IdPlace[]): Asked =>
  filled(access, form, places, unknown);

export function choicesOf(world: World, access: Access, form: JsonObject, places: readonly IdPlace[], stage: Stage): Choice[] {
  const { mine, theirs, higher } = world;
  const target = mine.people[stage];
  const all = (name: string, subject: (caller: Person | undefined) => Subject): Choice => ({
    name,
    for: (caller) => filled(access, form, places, subject(caller)),
  });
  const base = filled(access, form, places, { user: target, place: mine });
  const one = (place: IdPlace, name: string, id: (caller: Person | undefined) => string): Choice => ({
    name: `${place.name} ${name}`,
    place: place.name,
    for: (caller) => ({ ...base, json: withId(base.json, place.path, id(caller)) }),
  });
  const header = (name: string, value: string | undefined): Choice => ({
    name: `header ${name}`,
    place: 'header',
    for: () => ({ ...base, header: value }),
  });
  const namesUser = places.some(({ kind, isNew }) => (kind === 'user' || kind === 'session') && !isNew);
  return [
    all('mine', () => ({ user: target, place: mine })),
    all('theirs', () => ({ user: theirs.people[stage], place: theirs })),
    ...(namesUser ? [all('self', (caller) => ({ user: caller ?? target, place: mine }))] : []),
    ...(namesUser ? [all('higher', () => ({ user: higher[target.type], place: mine }))] : []),
    ...places.flatMap((place) => [...othersFor(world, place, stage)].map(([name, id]) => one(place, name, id))),
    header('theirs', theirs.id),
    header('unknown', unknownId),
    ...(access.on === 'organization' ? [header('absent', undefined)] : []),
  ];
}

/** What else one id field can name. */
function* othersFor(
  { mine, theirs }: World,
  place: IdPlace,
  stage: Stage,
): Generator<[string, (caller: Person | undefined) => string]> {
  if (place.kind === 'foreign') return;
  const whose = (there: Place) => idOf({ ...place, isNew: false }, { user: there.people[stage], place: there });
  if (place.isNew) yield ['taken, mine', () => whose(mine)];
  yield ['theirs', () => whose(theirs)];
  if (place.kind === 'user') yield ['deleted', () => theirs.deletedId];
  if (place.kind === 'session') {
    yield ['of nobody yet', () => mine.sessions.open];
    yield ['ended', () => mine.sessions.ended];
    yield ['ended, theirs', () => theirs.sessions.ended];
  }
  if (place.isNew && place.kind === 'user') yield ['own', (caller) => caller?.id ?? freshId];
  if (!place.isNew) yield ['unknown', () => idOf(place, unknown)];
}

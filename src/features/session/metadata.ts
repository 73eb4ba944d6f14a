import { invalidField } from '../../kernel/errors.ts';

/** Values in base64, as they are stored; the empty text removes a key. */
export type Metadata = Readonly<Record<string, string>>;

const maximumKeys = 100;
const maximumKeyLength = 200;
const maximumValueBytes = 500_000;

function refuse(): Error {
  const limits = { keys: String(maximumKeys), length: String(maximumKeyLength), bytes: String(maximumValueBytes) };
  return invalidField('SESSION_METADATA_TOO_LARGE', 'metadata', limits);
}

/** SESSION_METADATA_TOO_LARGE for keys and values that no session takes. */
export function checkMetadata(metadata: Metadata): void {
  const entries = Object.entries(metadata);
  if (entries.length > maximumKeys) throw refuse();
  for (const [key, value] of entries) {
    const length = [...key].length;
    if (length === 0 || length > maximumKeyLength || Buffer.byteLength(value, 'base64') > maximumValueBytes) throw refuse();
  }
}

/** What is there, with the changes; undefined when there are none. SESSION_METADATA_TOO_LARGE. */
export function merged(before: Metadata, changes: Metadata): Metadata | undefined {
  // A key may be called like something that every object has.
  const valueBefore = (key: string) => (Object.hasOwn(before, key) ? before[key] : '');
  const changing = Object.entries(changes).filter(([key, value]) => valueBefore(key) !== value);
  if (changing.length === 0) return undefined;
  const after = Object.entries({ ...before, ...Object.fromEntries(changing) }).filter(([, value]) => value !== '');
  if (after.length > maximumKeys) throw refuse();
  return Object.fromEntries(after);
}

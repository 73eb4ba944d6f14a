// Reads BER as LDAP restricts it (RFC 4511, 5.1: definite lengths only), and believes no length that it has not seen filled.

export interface Element {
  tag: number;
  content: Buffer;
}

/** What came can be nobody's answer. */
export class Malformed extends Error {
  override name = 'Malformed';
}

/** Length bytes at most: more than any answer has. */
const maximumLengthBytes = 4;

/** The first element, and what comes after it; undefined while it is not all there. Malformed. */
export function readElement(bytes: Buffer): { element: Element; rest: Buffer } | undefined {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) return undefined;
  const more = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || more > maximumLengthBytes) throw new Malformed('a length that LDAP does not know');
  const start = 2 + more;
  if (bytes.length < start) return undefined;
  const end = start + (more === 0 ? first : bytes.readUIntBE(2, more));
  if (bytes.length < end) return undefined;
  return { element: { tag, content: bytes.subarray(start, end) }, rest: bytes.subarray(end) };
}

/** One after the other, what an element of this tag holds: whole elements and nothing else. Malformed. */
export function* elementsIn(element: Element, tag: number): Generator<Element, undefined> {
  let rest = expect(element, tag);
  while (rest.length > 0) {
    const read = readElement(rest);
    if (!read) throw new Malformed('an element that ends before its content');
    yield read.element;
    rest = read.rest;
  }
}

/** The content of an element that has to be of this tag. Malformed, also without any. */
export function expect(element: Element | undefined, tag: number): Buffer {
  if (element?.tag !== tag) throw new Malformed('another element than LDAP has here');
  return element.content;
}

/** Of an INTEGER or ENUMERATED of up to four bytes. Malformed. */
export function integerIn(element: Element | undefined, tag: number): number {
  const content = expect(element, tag);
  if (content.length < 1 || content.length > 4) throw new Malformed('a number of another size than LDAP has');
  return content.readIntBE(0, content.length);
}

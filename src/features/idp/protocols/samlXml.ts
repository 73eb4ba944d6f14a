// Owns: reading XML that strangers wrote. No document type, so no entity of anybody's making; bounded depth and size.
import sax from 'sax';

/** What is not read, in words for whoever sent it; nothing of the document is in them. */
export class UnreadableXml extends Error {
  override name = 'UnreadableXml';
}

export interface XmlElement {
  namespace: string;
  /** Without its prefix. */
  name: string;
  /** Those without a prefix: SAML has no others of meaning. */
  attributes: ReadonlyMap<string, string>;
  children: XmlElement[];
  /** Its own, without the children's. Comments are no part of it, and do not end it. */
  text: string;
}

// Before a signature is checked, what it covers is canonicalized: time goes with the number of nodes, times the namespaces.
/** SAML needs about ten. */
const maximumDepth = 20;
/** For each element that there may be. */
const maximumAttributes = 3;
/** Of one element. */
const maximumAttributesAtOnce = 50;
/** Characters of an attribute; what is long stands in elements. */
const maximumAttributeLength = 4096;
/** Prefixes that a document declares; those of federations have about twenty. */
const maximumPrefixes = 50;
/** Control characters, which XML 1.0 (2.2) forbids or discourages. */
const forbidden = /(?![\t\n\r])\p{Cc}|[\ufffe\uffff]/u;

/** The root of a document with so many elements, comments and CDATA sections at most. @throws UnreadableXml */
export function readXml(text: string, maximumElements: number): XmlElement {
  // Before the parser: what it never sees can do nothing to it, nor to the others that read the text later.
  if (/<!(?!--|\[CDATA\[)/.test(text)) throw new UnreadableXml('it has a document type');
  const parser = sax.parser(true, { xmlns: true, strictEntities: true });
  const open: XmlElement[] = [];
  const prefixes = new Set<string>();
  let root: XmlElement | undefined;
  // Of comments and CDATA sections each begins so; the parser does not tell of empty ones.
  let pieces = text.split('<!').length - 1;
  let held = 0;
  const add = (text: string) => {
    const last = open.at(-1);
    if (last) last.text += plain(text);
  };
  parser.onerror = () => {
    throw new UnreadableXml('it is not well-formed XML');
  };
  parser.onprocessinginstruction = ({ name }) => {
    if (name !== 'xml') throw new UnreadableXml('it has processing instructions');
  };
  parser.ontext = add;
  parser.oncdata = add;
  parser.onopentag = ({ uri, local, attributes }) => {
    if (open.length === maximumDepth) throw new UnreadableXml(`it is nested more than ${maximumDepth} deep`);
    if (++pieces > maximumElements) throw new UnreadableXml(`it has more than ${maximumElements} elements`);
    const all = Object.values(attributes);
    held += all.length;
    if (held > maximumAttributes * maximumElements || all.length > maximumAttributesAtOnce)
      throw new UnreadableXml('it has too many attributes');
    if (all.some(({ value }) => value.length > maximumAttributeLength)) throw new UnreadableXml('it has a long attribute');
    for (const { name, prefix } of all) if (prefix === 'xmlns') prefixes.add(name);
    if (prefixes.size > maximumPrefixes) throw new UnreadableXml('it has too many namespaces');
    const own = all.filter(({ prefix }) => prefix === '');
    const named = new Map(own.map(({ name, value }) => [name, plain(value)]));
    const element: XmlElement = { namespace: uri, name: local, attributes: named, children: [], text: '' };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  };
  parser.onclosetag = () => {
    open.pop();
  };
  parser.write(text).close();
  if (!root) throw new UnreadableXml('it is empty');
  return root;
}

function plain(text: string): string {
  if (forbidden.test(text)) throw new UnreadableXml('it has characters that XML forbids');
  return text;
}

export const isElement = (element: XmlElement, namespace: string, name: string): boolean =>
  element.namespace === namespace && element.name === name;

export const childrenOf = (element: XmlElement | undefined, namespace: string, name: string): XmlElement[] =>
  element?.children.filter((child) => isElement(child, namespace, name)) ?? [];

/** The only one of that name; undefined where there is none, or more. */
export function onlyChild(element: XmlElement | undefined, namespace: string, name: string): XmlElement | undefined {
  const [first, ...more] = childrenOf(element, namespace, name);
  return more.length === 0 ? first : undefined;
}

/** It, and everything below it. */
export const everyElement = (element: XmlElement): XmlElement[] => [element, ...element.children.flatMap(everyElement)];

export const namespaces = {
  assertion: 'urn:oasis:names:tc:SAML:2.0:assertion',
  protocol: 'urn:oasis:names:tc:SAML:2.0:protocol',
  metadata: 'urn:oasis:names:tc:SAML:2.0:metadata',
  signature: 'http://www.w3.org/2000/09/xmldsig#',
} as const;

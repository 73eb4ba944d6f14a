import type { Template } from './template.ts';

/** A place in the tree of templates; there is one tree for each method of HTTP. */
interface Node<R> {
  words: Map<string, Node<R>>;
  one: Node<R> | undefined;
  /** Whose template ends here, and whose takes all that is left: by verb. */
  ends: Map<string, R>;
  rests: Map<string, R>;
}

const nodeOf = <R>(): Node<R> => ({ words: new Map(), one: undefined, ends: new Map(), rests: new Map() });

export interface Found<R> {
  route: R;
  /** As they came, but for the verb, which is no part of the last one. */
  segments: readonly string[];
}

/** Finds the route of a path: words come before variables, at each segment. */
export class PathTree<R> {
  readonly #root = nodeOf<R>();

  /** Throws where another template takes the same paths. */
  add({ steps, verb }: Pick<Template, 'steps' | 'verb'>, route: R): void {
    let node = this.#root;
    for (const step of steps) {
      if (step.kind === 'literal') node = wordOf(node, step.text);
      else if (step.kind === 'one') node = oneOf(node);
    }
    keep(steps.at(-1)?.kind === 'rest' ? node.rests : node.ends, verb, route);
  }

  /** `words` are the segments decoded. A colon in the last one begins a verb, if there is a template with it. */
  find(segments: readonly string[], words: readonly string[]): Found<R> | undefined {
    const last = segments.at(-1) ?? '';
    const colon = last.lastIndexOf(':');
    if (colon > 0) {
      const cut = [...segments.slice(0, -1), last.slice(0, colon)];
      const lastWord = words.at(-1) ?? '';
      const cutWords = [...words.slice(0, -1), lastWord.slice(0, lastWord.lastIndexOf(':'))];
      const route = lookUp(this.#root, cutWords, 0, last.slice(colon + 1));
      if (route) return { route, segments: cut };
    }
    const route = lookUp(this.#root, words, 0, '');
    return route && { route, segments };
  }
}

function wordOf<R>(node: Node<R>, word: string): Node<R> {
  const next = node.words.get(word) ?? nodeOf<R>();
  node.words.set(word, next);
  return next;
}

function oneOf<R>(node: Node<R>): Node<R> {
  node.one ??= nodeOf<R>();
  return node.one;
}

function keep<R>(into: Map<string, R>, verb: string, route: R): void {
  if (into.has(verb)) throw new Error('two templates take the same paths');
  into.set(verb, route);
}

/** No deeper than the longest template, and at most two ways from each node. An empty segment is no value. */
function lookUp<R>(node: Node<R>, words: readonly string[], at: number, verb: string): R | undefined {
  const word = words[at];
  if (word === undefined) return node.ends.get(verb) ?? node.rests.get(verb);
  const literal = node.words.get(word);
  const found = literal && lookUp(literal, words, at + 1, verb);
  if (found || word === '') return found;
  return (node.one && lookUp(node.one, words, at + 1, verb)) ?? node.rests.get(verb);
}

import type { Binding } from './bindings.ts';
import { type Found, PathTree } from './tree.ts';

/** The routes of all bindings: a tree of paths for each method of HTTP. */
export class Routing<R> {
  readonly #trees = new Map<string, PathTree<R>>();
  readonly #roots = new Set<string>();

  /** Throws where another binding takes the same paths. */
  add({ verb, template }: Pick<Binding, 'verb' | 'template'>, route: R): void {
    const tree = this.#trees.get(verb) ?? new PathTree<R>();
    this.#trees.set(verb, tree);
    tree.add(template, route);
    const [first] = template.steps;
    if (first?.kind !== 'literal') throw new Error('a path begins with a word');
    this.#roots.add(first.text);
  }

  /** Whether a path stands below one of the words that the templates begin with. */
  isBelow(path: string): boolean {
    const end = path.indexOf('/', 1);
    return end > 0 && this.#roots.has(path.slice(1, end));
  }

  /** What an address means: a route, or else the methods of HTTP that it has one for. Throws URIError. */
  find(verb: string, path: string): Found<R> | { allowed: readonly string[] } {
    const segments = path.slice(1).split('/');
    const words = segments.map((segment) => (segment.includes('%') ? decodeURIComponent(segment) : segment));
    const found = this.#trees.get(verb)?.find(segments, words);
    return found ?? { allowed: [...this.#trees].flatMap(([other, tree]) => (tree.find(segments, words) ? [other] : [])) };
  }
}

/** One segment of a path: a word, any one, or all that are left. */
export type Step = { kind: 'literal'; text: string } | { kind: 'one' } | { kind: 'rest' };

/** What a template takes from the segments `from` up to, but without, `to`; as many as there are, where it is undefined. */
export interface Variable {
  /** Names of fields, from the request down. */
  path: readonly string[];
  from: number;
  to: number | undefined;
  /** Several segments, whose encoded slashes stay as they are. */
  several: boolean;
}

export interface Template {
  steps: readonly Step[];
  variables: readonly Variable[];
  /** Behind the colon at the end; empty without. */
  verb: string;
}

const whole = /^((?:\/(?:\{[^{}=]+(?:=[^{}=]+)?\}|[^/{}:]+))+)(?::([^/{}:]+))?$/;
const pieces = /\/(?:\{([^{}=]+)(?:=([^{}]+))?\}|([^/{}:]+))/g;
const fieldPath = /^[a-zA-Z_]\w*(?:\.[a-zA-Z_]\w*)*$/;

/** Reads a path template (google/api/http.proto, "Path template syntax"). Throws on what is none. */
export function parseTemplate(text: string): Template {
  const [, path, verb = ''] = whole.exec(text) ?? [];
  if (path === undefined) throw new Error(`not a path template: ${text}`);
  const steps: Step[] = [];
  const variables: Variable[] = [];
  for (const [, name, pattern = '*', plain] of path.matchAll(pieces)) {
    const added = (plain ?? pattern).split('/').map(stepOf);
    const from = steps.length;
    steps.push(...added);
    if (name === undefined) continue;
    if (!fieldPath.test(name)) throw new Error(`not the path of a field: ${name} in ${text}`);
    const open = added.at(-1)?.kind === 'rest';
    variables.push({ path: name.split('.'), from, to: open ? undefined : steps.length, several: open || added.length > 1 });
  }
  if (steps.slice(0, -1).some(({ kind }) => kind === 'rest')) throw new Error(`** is not the last segment of ${text}`);
  return { steps, variables, verb };
}

function stepOf(text: string): Step {
  if (text === '*') return { kind: 'one' };
  if (text === '**') return { kind: 'rest' };
  if (text === '' || text.includes('*')) throw new Error(`not a segment: "${text}"`);
  return { kind: 'literal', text };
}

/** What a variable holds, by the segments as they came. Throws URIError where they are not encoded as they must be. */
export function valueIn({ from, to, several }: Variable, segments: readonly string[]): string {
  const taken = segments.slice(from, to);
  return several ? taken.map(decodeButSlashes).join('/') : decodeURIComponent(taken[0] ?? '');
}

const decodeButSlashes = (segment: string): string => segment.split(/%2f/i).map(decodeURIComponent).join('%2F');

/** A misspelt variable would change nothing and say nothing: every unknown ROSTER_ name is a problem. */
export function unknownVariables(env: NodeJS.ProcessEnv, known: string[]): string[] {
  return Object.entries(env)
    .filter(([name, value = '']) => name.startsWith('ROSTER_') && !known.includes(name) && !fromKubernetes(name, value))
    .map(([name]) => `${name} is unknown. Did you mean ${nearest(name, known)}?`);
}

/** What Kubernetes puts into every container for a service named roster, roster-db, … (as Docker's links once did). */
function fromKubernetes(name: string, value: string): boolean {
  if (/_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/.test(name)) return true;
  return name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value);
}

function nearest(name: string, known: string[]): string | undefined {
  const bare = (text: string) => text.replace('ROSTER_', '');
  const distances = known.map((candidate) => ({ candidate, distance: distance(bare(name), bare(candidate)) }));
  return distances.sort((a, b) => a.distance - b.distance)[0]?.candidate;
}

/** Levenshtein: how many letters to insert, delete or replace. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(row, j - 1) + (letter === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, at(row, j) + 1, at(next, j - 1) + 1));
    }
    row = next;
  }
  return at(row, b.length);
}

const at = (row: number[], index: number) => row[index] ?? Number.POSITIVE_INFINITY;

import type { Providers } from '../features/transfer/record.ts';
import { Usage } from './command.ts';

/** What `--provider google=123,github=456` says. */
export function providersOf(text = ''): Providers {
  const pairs = text.split(',').filter((pair) => pair !== '');
  return new Map(
    pairs.map((pair) => {
      const [, name, id] = /^([^=]+)=(.+)$/.exec(pair) ?? [];
      if (name === undefined || id === undefined) throw new Usage(`--provider ${text}: write NAME=ID, several with commas.`);
      return [name, id] as const;
    }),
  );
}

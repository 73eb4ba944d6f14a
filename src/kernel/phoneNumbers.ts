import { createRequire } from 'node:module';

type Library = typeof import('libphonenumber-js/max');

let library: Library | undefined;

/** The rules of all countries for phone numbers; loaded with the first use: 93 modules and 10 MB, which a start need not wait for. */
export function phoneNumbers(): Library {
  library ??= load();
  return library;
}

const load: () => Library = () => createRequire(import.meta.url)('libphonenumber-js/max');

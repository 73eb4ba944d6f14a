// Loaded before everything else (`node --import`), so that the rest loads fast. Not TypeScript: Node would load the program that
// takes types away (70 ms, 27 MB) for this file alone, as what it has made of the others is kept.
import { enableCompileCache, registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

// What Node makes of each file, TypeScript above all, is kept for the next start. A folder that cannot be written is no loss.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/roster-compiled', import.meta.url)));

// For each module Node looks for the package.json that says of what kind it is, and reads Drizzle's 180 KB again each time.
// Where modules name each other by relative paths, all are of one kind: resolved here, they load in a fraction of the time
// and of the memory.
const modules = /\/node_modules\/(drizzle-orm|postgres|libphonenumber-js\/es6|@(bufbuild|connectrpc)\/[^/]+\/dist\/esm)\//;

// What a package's name leads to is the same for all files of one package, and is looked for once.
const packageOf = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+\//;
const found = new Map();

registerHooks({
  resolve: (specifier, context, next) => {
    const { parentURL = '', conditions } = context;
    if (specifier.startsWith('.')) {
      const format = specifier.endsWith('.ts') ? 'module-typescript' : modules.test(parentURL) ? 'module' : undefined;
      return format ? { url: new URL(specifier, parentURL).href, format, shortCircuit: true } : next(specifier, context);
    }
    if (conditions.includes('require')) return next(specifier, context);
    const key = `${packageOf.exec(parentURL)?.[0] ?? ''} ${specifier}`;
    const target = found.get(key) ?? next(specifier, context);
    found.set(key, target);
    return { ...target, shortCircuit: true };
  },
});

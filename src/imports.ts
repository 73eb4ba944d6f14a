// Loaded before everything else (`node --import`). Drizzle consists of hundreds of modules below one package.json of
// 180 KB, which Node reads and parses again for each of them. Its modules name each other by relative paths, for which
// that file says nothing: resolved here, they load in a fraction of the time and of the memory.
import { registerHooks } from 'node:module';

registerHooks({
  resolve: (specifier, context, next) => {
    const { parentURL } = context;
    if (!specifier.startsWith('.') || !parentURL?.includes('/node_modules/drizzle-orm/')) return next(specifier, context);
    return { url: new URL(specifier, parentURL).href, format: 'module', shortCircuit: true };
  },
});

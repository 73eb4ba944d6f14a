// node .ci/complete-lockfile.mjs: adds what `npm install` leaves out of package-lock.json when the registry at hand does
// not show a package's binaries for other platforms. Without these entries `npm ci` refuses the lockfile everywhere.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const systems = { android: 'android', darwin: 'darwin', freebsd: 'freebsd', linux: 'linux', win32: 'win32' };
const processors = { arm64: 'arm64', armv7: 'arm', 'arm-': 'arm', ia32: 'ia32', x64: 'x64' };
const named = (name, table) => Object.entries(table).find(([part]) => name.includes(part))?.[1];

for (const { dev, optionalDependencies = {} } of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const path = `node_modules/${name}`;
    const [os, cpu] = [named(name, systems), named(name, processors)];
    if (lock.packages[path] || !os || !cpu) continue;
    const libc = name.endsWith('-musl') ? { libc: ['musl'] } : {};
    lock.packages[path] = { version, cpu: [cpu], ...(dev && { dev }), ...libc, optional: true, os: [os] };
    process.stdout.write(`added ${name} ${version}\n`);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);

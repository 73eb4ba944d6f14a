// What each example needs and how it runs. Each command runs in the folder `examples`.
import { join } from 'node:path';
import type { ServiceUser } from './serviceUser.ts';

export type SignIn = 'token' | 'key' | 'secret';

export interface Example {
  name: string;
  /** Programs that must be there; with what they are asked for, to see that they are. */
  needs: readonly (readonly [program: string, ...args: string[]])[];
  /** What is installed or made beforehand, from a package registry. */
  prepare: readonly Command[];
  run: Command;
  signIns: readonly SignIn[];
}

export interface Command {
  program: string;
  args: readonly string[];
  folder?: string;
}

/** What signing in takes, as the examples read it. */
export function variablesOf(signIn: SignIn, { token, keyFile, clientId, clientSecret }: ServiceUser): NodeJS.ProcessEnv {
  switch (signIn) {
    case 'token':
      return { ROSTER_TOKEN: token };
    case 'key':
      return { ROSTER_KEY_FILE: keyFile };
    case 'secret':
      return { ROSTER_CLIENT_ID: clientId, ROSTER_CLIENT_SECRET: clientSecret };
  }
}

/** Everything that is built or installed goes into the folder `cache`. */
export function examplesWith(cache: string): readonly Example[] {
  const [venv, go, rust] = [join(cache, 'python'), join(cache, 'go'), join(cache, 'rust')];
  const manifest = ['--manifest-path', 'rust/Cargo.toml', '--locked', '--target-dir', rust];
  // A third of the time and of the room.
  const lean = ['--config', 'profile.dev.debug=false'];
  return [
    {
      name: 'curl',
      needs: [
        ['bash', '--version'],
        ['curl', '--version'],
      ],
      prepare: [],
      run: { program: 'shell/curl.sh', args: [] },
      signIns: ['token', 'secret'],
    },
    {
      name: 'grpcurl',
      needs: [
        ['bash', '--version'],
        ['grpcurl', '-version'],
      ],
      prepare: [],
      run: { program: 'shell/grpcurl.sh', args: [] },
      signIns: ['token'],
    },
    {
      name: 'typescript',
      needs: [],
      prepare: [],
      run: { program: 'node', args: ['typescript/main.ts'] },
      signIns: ['token', 'key'],
    },
    {
      name: 'web',
      needs: [],
      prepare: [],
      run: { program: 'node', args: ['web/visit.ts'] },
      signIns: ['token'],
    },
    {
      name: 'go',
      needs: [['go', 'version']],
      prepare: [
        { program: 'buf', args: ['generate'], folder: 'go' },
        { program: 'go', args: ['build', '-o', go, '.'], folder: 'go' },
      ],
      run: { program: go, args: [] },
      signIns: ['token', 'key'],
    },
    {
      name: 'python',
      needs: [['python3', '-c', 'import ensurepip, sys; sys.exit(sys.version_info < (3, 10))']],
      prepare: [
        { program: 'python3', args: ['-m', 'venv', venv] },
        { program: join(venv, 'bin', 'pip'), args: ['install', '--quiet', '--requirement', 'python/requirements.txt'] },
      ],
      run: { program: join(venv, 'bin', 'python'), args: ['python/main.py'] },
      signIns: ['token', 'key', 'secret'],
    },
    {
      name: 'rust',
      needs: [['cargo', '--version']],
      prepare: [{ program: 'cargo', args: ['build', '--quiet', ...manifest, ...lean] }],
      run: { program: join(rust, 'debug', 'roster-example'), args: [] },
      signIns: ['token', 'key'],
    },
  ];
}

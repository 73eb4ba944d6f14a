// OpenLDAP's own server, where the machine has it.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeWithFile } from './closing.ts';
import { manager } from './ldapServer.ts';
import { scratch } from './scratch.ts';

const program = '/usr/sbin/slapd';

export const hasSlapd = ((): boolean => {
  try {
    accessSync(program);
    return true;
  } catch {
    return false;
  }
})();

const tlsFile = (name: string) => new URL(`tls/${name}.pem`, import.meta.url).pathname;

const configuration = (folder: string) => `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile ${folder}/pid
TLSCertificateFile ${tlsFile('cert')}
TLSCertificateKeyFile ${tlsFile('key')}
database mdb
suffix "dc=example,dc=com"
rootdn "${manager.dn}"
rootpw "${manager.password}"
directory ${folder}/data
`;

/** With these entries (LDIF, RFC 2849) below dc=example,dc=com. It stops when the file is done. */
export async function startSlapd(ldif: string): Promise<{ url: string; secureUrl: string }> {
  const folder = await mkdtemp(join(scratch, 'roster-slapd-'));
  await mkdir(join(folder, 'data'));
  const config = join(folder, 'slapd.conf');
  await writeFile(config, configuration(folder));
  const base = 'dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n';
  execFileSync(program, ['-T', 'add', '-f', config], { input: `${base}\n${ldif}`, stdio: ['pipe', 'pipe', 'pipe'] });
  const [port, securePort] = [await freePort(), await freePort()];
  const url = `ldap://127.0.0.1:${port}`;
  const secureUrl = `ldaps://127.0.0.1:${securePort}`;
  const child = spawn(program, ['-f', config, '-h', `${url} ${secureUrl}`, '-d', '0'], { stdio: 'ignore' });
  closeWithFile(async () => {
    if (child.exitCode === null) {
      child.kill();
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  });
  while (child.exitCode === null && !(await answers(securePort))) await sleep(20);
  return { url, secureUrl };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

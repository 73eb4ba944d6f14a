import { unique } from './actors.ts';
import type { TestServer } from './server.ts';

interface Place {
  /** The instance's when left out. */
  organizationId?: string | undefined;
  id?: string;
  state?: 'active' | 'inactive';
}

/** A provider that nobody is ever sent to. Returns its id. */
export async function createProvider(server: TestServer, { organizationId, id, state = 'active' }: Place = {}): Promise<string> {
  const provider = { name: unique('Provider '), clientId: 'roster', clientSecret: 'the secret of a provider' };
  const headers = organizationId === undefined ? {} : { 'x-zitadel-orgid': organizationId };
  const { admin, management } = server.as(server.token, { headers });
  const added = await (organizationId === undefined ? admin.addGitHubProvider(provider) : management.addGitHubProvider(provider));
  const own = id ?? added.id;
  // No call switches one off, and none takes an id.
  await server.sql`update identity_providers set id = ${own}, state = ${state} where id = ${added.id}`;
  return own;
}

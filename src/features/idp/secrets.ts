import type { App } from '../../kernel/call.ts';
import { open, seal } from '../../kernel/crypto/seal.ts';
import type { ProviderRow } from './repository.ts';

const place = (id: string) => `provider/${id}`;

/** Null without one. */
export const sealedSecret = ({ keys }: Pick<App, 'keys'>, id: string, secret: string): Buffer | null =>
  secret === '' ? null : seal(keys.seal, place(id), secret);

/** The client secret or the bind password, in plain; empty without one. */
export const secretOf = ({ keys }: Pick<App, 'keys'>, { id, secret }: ProviderRow): string =>
  secret === null ? '' : open(keys.seal, place(id), secret);

import type { NodeRequest } from '../server/handler.ts';
import { readBody, UnreadableBody } from './body.ts';

/** Bytes of a form at most; the fields at their limits, each byte written as %XX, stay below. */
export const maximumFormBytes = 16 * 1024;
/** Until the whole form is there. */
const maximumMs = 60_000;

/** The fields of a form; text with NUL, which no keyboard types and Postgres cannot hold, is none. @throws UnreadableBody */
export async function readForm(request: NodeRequest, maximum = maximumFormBytes): Promise<URLSearchParams> {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';', 1);
  if (type.trim().toLowerCase() !== 'application/x-www-form-urlencoded') throw new UnreadableBody(415);
  if (request.headers['content-encoding'] !== undefined) throw new UnreadableBody(415);
  const fields = new URLSearchParams((await readBody(request, maximum, maximumMs)).toString());
  if ([...fields.values()].some((value) => value.includes('\0'))) throw new UnreadableBody(400);
  return fields;
}

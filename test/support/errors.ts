import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';

/** What a call was refused with, as `CODE REASON`, or `ok`. */
export async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'ok';
  } catch (error) {
    const failed = ConnectError.from(error);
    const [info] = failed.findDetails(ErrorInfoSchema);
    return `${Code[failed.code]} ${info?.reason ?? '(no reason)'}`;
  }
}

/** The fields that an INVALID_ARGUMENT names. */
export async function brokenFields(call: Promise<unknown>): Promise<string[]> {
  try {
    await call;
    return [];
  } catch (error) {
    const [details] = ConnectError.from(error).findDetails(BadRequestSchema);
    return details?.fieldViolations.map(({ field }) => field) ?? [];
  }
}

// What the older services say of an object, and of a list of them.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ListDetailsSchema, ObjectDetailsSchema } from '../../../gen/zitadel/v1/object_pb.ts';

type ObjectDetails = MessageInitShape<typeof ObjectDetailsSchema>;

export interface Owned {
  sequence: bigint;
  createdAt: Date;
  changedAt: Date;
  /** The id of the organization or of the instance that it belongs to. */
  owner: string;
}

/** What adding answers with: without the date of a change. */
export const toCreation = ({ sequence, createdAt, owner }: Owned): ObjectDetails => ({
  sequence,
  creationDate: timestampFromDate(createdAt),
  resourceOwner: owner,
});

/** What a change answers with: without the date of creation. */
export const toChange = ({ sequence, changedAt, owner }: Owned): ObjectDetails => ({
  sequence,
  changeDate: timestampFromDate(changedAt),
  resourceOwner: owner,
});

/** What a read answers with. */
export const toObjectDetails = ({ sequence, createdAt, changedAt, owner }: Owned): ObjectDetails => ({
  sequence,
  creationDate: timestampFromDate(createdAt),
  changeDate: timestampFromDate(changedAt),
  resourceOwner: owner,
});

export const toObjectListDetails = (total: number, now: Date): MessageInitShape<typeof ListDetailsSchema> => ({
  totalResult: BigInt(total),
  viewTimestamp: timestampFromDate(now),
});

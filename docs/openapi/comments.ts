import type { AnyDesc, DescFile } from '@bufbuild/protobuf';
import { getComments } from '@bufbuild/protoplugin';

/** What the definition says of something, line by line as it stands there. */
export const commentOf = (desc: Exclude<AnyDesc, DescFile>): string =>
  (getComments(desc).leading ?? '')
    .split('\n')
    .map((line) => line.replace(/^ /, '').trimEnd())
    .join('\n')
    .trim();

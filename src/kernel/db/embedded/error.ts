/** Why there is no embedded Postgres, in sentences for the operator. */
export class EmbeddedError extends Error {
  override name = 'EmbeddedError';
}

/** Errors of the file system that the operator can mend. */
const diskErrors: Record<string, string> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'it is a file, not a folder',
  EIO: 'the disk reports an error',
};

export function diskProblem(error: unknown, dataDir: string): EmbeddedError | undefined {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return undefined;
  const problem = diskErrors[error.code];
  if (problem === undefined) return undefined;
  const at = 'path' in error && error.path !== dataDir ? ` (at ${error.path})` : '';
  return new EmbeddedError(
    `The data folder ${dataDir} cannot be used: ${problem}${at}. ` +
      'Set ROSTER_DATA to a folder that this user may write to, or DATABASE_URL to a Postgres of your own.',
    { cause: error },
  );
}

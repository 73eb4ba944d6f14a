import { parentPort } from 'node:worker_threads';
import { type Md5CryptHash, matchesMd5Crypt } from './md5Crypt.ts';
import { matchesPhpass, type PhpassHash } from './phpass.ts';
import { lowerThisThread } from './priority.ts';
import { matchesShaCrypt, type ShaCryptHash } from './shaCrypt.ts';

/** Computed in JavaScript, up to seconds each. */
export type SlowHash = ShaCryptHash | Md5CryptHash | PhpassHash;

export type Job = { hash: SlowHash; password: Uint8Array };

function matches({ hash, password }: Job): boolean {
  switch (hash.kind) {
    case 'shaCrypt':
      return matchesShaCrypt(hash, password);
    case 'md5Crypt':
      return matchesMd5Crypt(hash, password);
    case 'phpass':
      return matchesPhpass(hash, password);
  }
}

lowerThisThread();
parentPort?.on('message', (job: Job) => parentPort?.postMessage(matches(job)));

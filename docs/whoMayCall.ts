import type { Access } from '../src/kernel/auth/access.ts';

const otherwise = ({ otherwise }: Access & { on: 'proof' }) =>
  otherwise
    ? `; without one \`${otherwise.permission}\` on the user's organization${otherwise.self ? ', or the user itself' : ''}`
    : '';

/** In the words of the generated pages. */
export const whoMayCall = (access: Access): string => {
  switch (access.on) {
    case 'nothing':
      return 'anybody';
    case 'token':
      return 'any token';
    case 'user':
      return `\`${access.permission}\` on the user's organization${access.self ? ', or the user itself' : ''}`;
    case 'proof':
      return `any token with a proof: a code or the current password${otherwise(access)}`;
    case 'session': {
      const own = access.own ? ', or whoever made the session, whose it is, or who brings its token' : '';
      return `\`${access.permission}\` on the organization of the session's user${own}`;
    }
    case 'organization':
      return `\`${access.permission}\` in the organization of the call${access.user ? ', which the user belongs to' : ''}`;
    case 'instance':
      return `\`${access.permission}\` on the instance`;
  }
};

// The page on how callers and people show who they are, and on every limit of it, written from the constants in force.
import { readFileSync } from 'node:fs';
import { variables } from '../src/config/variables.ts';
import { secretLength } from '../src/features/machine/secret.ts';
import { longestAssertion } from '../src/features/oauth/assertion.ts';
import {
  compositionFreeMinimum,
  defaultPolicy,
  longestMinimum,
  shortestMinimum,
  shortestName,
} from '../src/features/password/policy.ts';
import { alphabet as recoveryAlphabet, codeLength as recoveryLength } from '../src/features/recovery/service.ts';
import { digits as otpDigits, lifetimeMs as otpMs } from '../src/features/session/codes.ts';
import { secretBytes } from '../src/features/totp/service.ts';
import { accessTokenLifetimeMs } from '../src/kernel/auth/accessTokens.ts';
import { clockTolerance } from '../src/kernel/auth/jwtTokens.ts';
import { codeShapes, maximumFailures } from '../src/kernel/codes/codes.ts';
import { lettersDigits, upperDigits } from '../src/kernel/codes/random.ts';
import { ours } from '../src/kernel/crypto/hashes/hashes.ts';
import { waitingPerSlot } from '../src/kernel/crypto/hashes/pool.ts';
import { firstWaitSeconds, freeTries, longestWaitSeconds, memoryHours } from '../src/kernel/guessing.ts';
import {
  challengeSends,
  challengeSendsSeconds,
  codeTriesPerNetwork,
  codeTrySeconds,
  ownSends,
  ownSendsSeconds,
  refillSeconds,
} from '../src/kernel/networks.ts';

const codes = [
  { to: 'verify an e-mail address', ...codeShapes.email },
  { to: 'verify a phone number', ...codeShapes.phone },
  { to: 'set a password', ...codeShapes.password },
  { to: 'accept an invitation', ...codeShapes.invite },
  { to: 'set up an account (v1)', ...codeShapes.init },
];
const hours = (ms: number) => `${ms / 3_600_000} h`;
const bits = (length: number) => Math.floor(length * Math.log2(upperDigits.length));
const recoveryBits = recoveryLength * Math.log2(recoveryAlphabet.length);
const listed = () =>
  readFileSync(new URL('../src/features/password/commonPasswords.txt', import.meta.url), 'utf8').split('\n').length - 2;
const tries = variables.triesPerNetwork.default;

export const authentication = (): string =>
  [
    '# Authentication',
    '',
    'Generated from the constants in the code by `npm run generate`. How callers and people show who they are, every limit of',
    'it, how to tune each, and how it is prevented that limits are turned against the people they protect (ASVS 6.1.1, 6.1.3).',
    '',
    '## The ways',
    '',
    '| way | what it opens | strength |',
    '| --- | --- | --- |',
    '| personal access token | every call, as the machine user it belongs to, until it expires or is removed | 256 random bits; kept as HMAC-SHA-256 |',
    `| secret of a machine | an access token | ${secretLength} of ${lettersDigits.length} letters and digits: ${Math.floor(secretLength * Math.log2(lettersDigits.length))} bits; kept as HMAC-SHA-256 |`,
    `| key of a machine | an access token, for each assertion that it signs once | RSA of 2048 bits and more; the public part is kept; an assertion lives ${longestAssertion / 3600} h at most, clocks may differ by ${clockTolerance} s |`,
    '| access token | every call, as the machine it was given to, until it expires, or its key or secret is removed | 256 random bits, or a JWT signed with RSA; both kept as HMAC-SHA-256 |',
    `| JWT of a trusted issuer | every call, as the user that it names | its signature; only of issuers in \`${variables.trustedIssuers.name}\` |`,
    `| current password | a change of that password | what the policy asks for; kept as argon2id, m=${ours.memory} KiB, t=${ours.passes}, p=${ours.parallelism} |`,
    ...codes.map(
      ({ to, length }) =>
        `| code to ${to} | that, once | ${length} of ${upperDigits.length} characters: ${bits(length)} bits; kept as HMAC-SHA-256 |`,
    ),
    '| token of a session | every call, as the person, while the session counts (below) | 256 random bits; kept as HMAC-SHA-256; another one with every change of the session |',
    '| password, in a session | a first factor | as above |',
    '| passkey, in a session | both factors at once | a signature over a challenge of 256 bits, for one domain, its user verified |',
    '| security key (U2F), in a session | a second factor | the same without a verified user |',
    `| authenticator app (TOTP), in a session | a second factor | ${secretBytes * 8} bits of secret, sealed; 6 digits of 30 s, one step early or late, each once |`,
    `| code by mail or SMS, in a session | a second factor | ${otpDigits} digits for one session; kept as HMAC-SHA-256 |`,
    `| recovery code, in a session | a second factor, once | ${recoveryBits} bits; kept as argon2id |`,
    '| the command line | everything | access to the database and the master key |',
    '',
    'There are no security questions, no default passwords and no other way round. An administrator can set a password without knowing the one before, as the original',
    'allows; better is to send a reset, or to require a change with the next use.',
    '',
    'The state of the user counts with every token: a user who is not active, or whose organization is not, has none that holds.',
    '',
    '**A session counts** while it has neither ended nor expired nor gone stale. Its token needs one factor besides the user, and',
    `two, or a passkey, where the user has set up a second factor or a passkey, or where \`${variables.mfaRequired.name}\` says so. That is`,
    'judged anew with each call, from what the session and the user have then. Two second factors are one factor: both may lie on',
    'the same phone. Another password, by whichever way, makes all other sessions of the user stale, and the removal of a factor',
    'those in which it was checked; deactivating, locking and deleting a user ends them. Nothing brings an ended one back.',
    '',
    '## The limits',
    '',
    '| what | limit | how to tune it |',
    '| --- | --- | --- |',
    `| wrong passwords, wrong codes, and wrong one-time passwords and recovery codes, of one user | ${freeTries} in a row, then a wait of ${firstWaitSeconds} s, doubled with each further one, ${longestWaitSeconds} s at most; forgotten ${memoryHours} h after the last | \`kernel/guessing.ts\` |`,
    `| wrong tries of one code | ${maximumFailures}, then it is dead | \`kernel/codes/codes.ts\` |`,
    ...codes.map(
      ({ to, lifetimeMs }) =>
        `| life of a code to ${to} | ${hours(lifetimeMs)}, one live code at a time | \`kernel/codes/codes.ts\` |`,
    ),
    `| wrong passwords, codes, tokens, secrets and assertions from one network | ${tries} at once; all come back within ${refillSeconds} s | \`${variables.triesPerNetwork.name}\` |`,
    `| wrong tries at the codes of one user from one network, unless the user himself or somebody who may read him calls | ${codeTriesPerNetwork} at once, then one every ${codeTrySeconds} s | \`kernel/networks.ts\` |`,
    `| codes that a person has sent to himself | ${ownSends} at once; all come back within ${ownSendsSeconds / 3600} h | \`kernel/networks.ts\` |`,
    `| what a network is | an IPv4 address, or the first ${variables.networkPrefix.default} bits of an IPv6 address | \`${variables.networkPrefix.name}\`, \`${variables.trustedProxies.name}\` |`,
    `| wrong passwords with which a user is locked | ${variables.lockAfterPasswordTries.default === '0' ? 'none: users are never locked' : variables.lockAfterPasswordTries.default} | \`${variables.lockAfterPasswordTries.name}\` |`,
    `| passwords being hashed | as many as there are cores, ${waitingPerSlot} waiting for each; the rest is turned away | \`UV_THREADPOOL_SIZE\`, one more than the cores, beyond 3 cores |`,
    '| length of a password | 200 characters (v1: 72), never cut | – |',
    `| life of a one-time code and of a WebAuthn challenge of a session | ${otpMs / 60_000} min, one of each kind in a session | \`features/session/\` |`,
    `| one-time codes that sessions send to a person | ${challengeSends} at once on each channel; all come back within ${challengeSendsSeconds / 60} min | \`kernel/networks.ts\` |`,
    `| life of a session | what its creator chooses, without end if it chooses nothing | \`${variables.sessionLifetimeMs.name}\` |`,
    `| life of an access token | ${hours(accessTokenLifetimeMs)}, and never longer than its key | \`kernel/auth/accessTokens.ts\` |`,
    '| life of a token | what is chosen for it; 90 days at the command line | `token create --expires` |',
    '',
    'Whoever is turned away is told `RESOURCE_EXHAUSTED` and, in `google.rpc.RetryInfo`, how long to wait.',
    '',
    '* **A try is counted before it is looked at**, in one statement, and forgiven when it was right: many at once are no way',
    '  round. A try that is turned away does not count. A right password, a new one, and an unlock forgive; so does a new code',
    '  the tries of codes, unless the user himself asked for it.',
    '* **All names of a user lead to the same count**: it belongs to the id. An id that does not exist has a count like any',
    '  other, so that waiting tells nothing.',
    '* **A network pays only for what was wrong**: a valid token passes and is never slowed, whatever else came from there. Who',
    '  may read a user (`user.read`) passes on what other people typed; the tries of such a caller count for the user, not for',
    "  the caller's network. Each process counts networks by itself; the counts of users are common to all.",
    '* **Secrets and keys of machines have no count of their own**: they cannot be guessed, and a wait would let strangers keep a service',
    '  out.',
    '* **Behind a proxy** name it in `ROSTER_TRUSTED_PROXIES`, or all callers are one network. `X-Forwarded-For` is believed from',
    '  there only, and of it the right-most address that is no trusted proxy; what a caller writes into it himself is never',
    '  reached. `Forwarded` (RFC 7239) is not read: a proxy that knows only the one header passes the other on as it came.',
    '',
    '## How malicious lock-out is prevented',
    '',
    `* **Waits, not locks.** Who knows a user's name can make that user's passwords wait, ${longestWaitSeconds} s at the longest, and has to`,
    "  go on doing so; an administrator's unlock ends it. Tokens, and other ways to authenticate, do not wait: each kind has a",
    '  count of its own.',
    '* **A stranger cannot kill codes faster than they are used**: from one network he has fewer tries at one user than a code has,',
    '  and gets one back in longer than it takes to read a mail. From many networks he can, for as long as he goes on: then',
    '  `ROSTER_TRIES_PER_NETWORK`, a firewall, or signing in by other means helps.',
    '* **Locking after a number of wrong passwords** is there for those whose rules demand it, and off. On, it lets strangers lock',
    '  people out until somebody unlocks them. The last owner who can act is never locked, nor anybody without a password.',
    '* **Networks are limited by themselves**, so that one cannot try at many users, a few times each; and only callers with a',
    '  valid token reach a password or a code at all, except through the pages that links lead to.',
    `* NIST SP 800-63B-4 allows 100 wrong tries in a row: set \`${variables.lockAfterPasswordTries.name}=100\` to hold it to the letter. The waits`,
    `  alone allow ${86_400 / longestWaitSeconds} a day.`,
    '',
    '## What a new password must be like',
    '',
    `* By default at least ${defaultPolicy.minimumLength} bytes with one each of ${defaultPolicy.required.join(', ')}, as in the original; the first rule broken is told.`,
    `  \`policy set\` changes it, for the instance or for an organization: a length from ${shortestMinimum} to ${longestMinimum}, and any of the four.`,
    `* \`policy set --composition-free\` follows NIST SP 800-63B-4 and ASVS 6.2.5: length alone, in characters, at least`,
    `  ${compositionFreeMinimum} unless said otherwise (8 are enough only beside a second factor). Recommended where compatibility allows.`,
    "* New users follow the instance's policy, changes that of the user's organization, or the instance's if it has none.",
    `* None of the ${listed().toLocaleString('en')} most common passwords, in any letter case (a list in the package, nothing is asked over the network),`,
    `  and none with a name or the e-mail address of the user in it (${shortestName} letters or more of it). The list has passwords of`,
    '  8 characters and more: a policy that allows shorter ones allows the common ones among them. It is compared as a whole:',
    '  few of its words have all four classes, so it counts for most where length alone is asked for.',
    '* Passwords are normalised to NFKC before they are measured, hashed and compared; they never expire; imported hashes follow',
    '  no policy, and are replaced by ours when their password was right the next time.',
    '',
    '## Where this is not what the standards recommend, and why',
    '',
    '| | recommended | default here | because |',
    '| --- | --- | --- | --- |',
    '| rules of composition | none (ASVS 6.2.5, NIST 3.1.1.2) | four classes | clients and tests of the original rely on it; one setting changes it |',
    `| life of codes sent by mail | 10 minutes (ASVS 6.5.5, NIST 3.1.3) | ${hours(codeShapes.email.lifetimeMs)} to ${hours(codeShapes.invite.lifetimeMs)} | people read mail late; ${maximumFailures} wrong tries kill a code |`,
    '| administrators and passwords | start a reset, choose none (ASVS 6.4.6) | may set one | the original can; behind a permission |',
    '',
  ].join('\n');

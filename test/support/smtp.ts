// A real SMTP server, which takes mails or refuses them, as a test wants.
import { readFileSync } from 'node:fs';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerDataStream } from 'smtp-server';
import { onTestFinished } from 'vitest';

const tlsFile = (name: string) => new URL(`tls/${name}`, import.meta.url).pathname;

/** The certificate of the server below, for ROSTER_OUTGOING_CA. */
export const certificateFile = tlsFile('cert.pem');

export interface Mail extends ParsedMail {
  /** The address it was sent to. */
  recipient: string;
  /** Whether it came over TLS. */
  secure: boolean;
  /** As it came over the wire. */
  raw: string;
}

/** When, in a session, something goes wrong. */
export type Stage = 'connect' | 'login' | 'sender' | 'recipient' | 'data';

/** What the server does then: a reply such as 450, nothing at all, or the end of the connection. */
export type Trouble = number | 'silence' | 'hang up';

export interface SmtpOptions {
  /** Default STARTTLS, which clients need not use. */
  security?: 'starttls' | 'tls' | 'none';
  /** Default: nobody has to log in. */
  login?: { user: string; password: string };
  /** Asked at each stage of each session, with the recipient's address once it is known; undefined lets it pass. */
  trouble?: (stage: Stage, recipient: string) => Trouble | undefined;
}

export interface Smtp {
  port: number;
  /** For ROSTER_SMTP_URL: its scheme, login and parameter fit the server. */
  url: string;
  /** Everything that was accepted. */
  messages: Mail[];
  /** Resolves with the next accepted mail that no call has returned yet. */
  next(): Promise<Mail>;
  /** Recipients of all mails that were begun, in order. */
  attempts: string[];
  /** Resolves once so many mails were begun. */
  attempted(count: number): Promise<void>;
  /** How many connections are open. */
  connections(): number;
  stop(): Promise<void>;
  /** Again, on the same port. */
  start(): Promise<void>;
}

/** Servers like to repeat the address that they refuse. */
const refusal = (responseCode: number, recipient: string) =>
  Object.assign(new Error(`Not <${recipient}>, on purpose`), { responseCode });

/** Call it in a test or in `beforeAll`; it stops when the test is over. In `beforeAll`, say who stops it. */
export async function startSmtp(
  { security = 'starttls', login, trouble = () => undefined }: SmtpOptions = {},
  whenDone: (stop: () => Promise<void>) => void = onTestFinished,
): Promise<Smtp> {
  const messages: Mail[] = [];
  const attempts: string[] = [];
  const waiting: (() => void)[] = [];
  const tell = () => {
    for (const look of waiting.splice(0)) look();
  };
  const until = async (ready: () => boolean) => {
    while (!ready()) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  let handedOut = 0;
  let server = create();
  let port = 0;

  function create(): SMTPServer {
    type Session = { id: string; envelope: { rcptTo: { address: string }[] } };
    const end = (session: Session) => {
      for (const connection of server.connections) if (connection.id === session.id) connection._socket.destroy();
    };
    /** Goes on, or does what the test wants instead. */
    const at = (stage: Stage, recipient: string, session: Session, go: (error?: Error) => void): void => {
      const what = trouble(stage, recipient);
      if (what === undefined) go();
      else if (what === 'hang up') end(session);
      else if (what !== 'silence') go(refusal(what, recipient));
    };
    const accept = async (stream: SMTPServerDataStream, recipient: string, secure: boolean) => {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(Buffer.from(chunk));
      const raw = Buffer.concat(chunks);
      return { ...(await simpleParser(raw)), recipient, secure, raw: raw.toString('latin1') };
    };
    return new SMTPServer({
      secure: security === 'tls',
      key: readFileSync(tlsFile('key.pem')),
      cert: readFileSync(certificateFile),
      authOptional: login === undefined,
      disabledCommands: [...(security === 'starttls' ? [] : ['STARTTLS']), ...(login ? [] : ['AUTH'])],
      allowInsecureAuth: true,
      disableReverseLookup: true,
      closeTimeout: 10,
      onConnect: (session, done) => at('connect', '', session, done),
      onAuth: ({ username, password }, session, done) => {
        if (username !== login?.user || password !== login?.password) return done(new Error('Wrong password'));
        at('login', '', session, (error) => (error ? done(error) : done(null, { user: username })));
      },
      onMailFrom: (_, session, done) => at('sender', '', session, done),
      onRcptTo: ({ address }, session, done) => {
        attempts.push(address);
        tell();
        at('recipient', address, session, done);
      },
      onData: (stream, session, done) => {
        const recipient = session.envelope.rcptTo[0]?.address ?? '';
        const what = trouble('data', recipient);
        if (what === 'hang up') end(session);
        void accept(stream, recipient, session.secure).then((mail) => {
          if (what === undefined) {
            messages.push(mail);
            tell();
            done();
          } else if (what !== 'silence' && what !== 'hang up') done(refusal(what, recipient));
        }, done);
      },
    }).on('error', () => {});
  }

  const start = () =>
    new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', () => {
        const address = server.server.address();
        port = address !== null && typeof address === 'object' ? address.port : 0;
        resolve();
      });
    });
  const stop = () =>
    new Promise<void>((resolve) => {
      for (const connection of server.connections) connection._socket.destroy();
      server.close(() => {
        server = create();
        resolve();
      });
    });
  await start();
  whenDone(stop);
  const scheme = security === 'tls' ? 'smtps' : 'smtp';
  const who = login ? `${encodeURIComponent(login.user)}:${encodeURIComponent(login.password)}@` : '';
  return {
    port,
    url: `${scheme}://${who}127.0.0.1:${port}${security === 'none' ? '?tls=off' : ''}`,
    messages,
    next: async () => {
      const place = handedOut++;
      await until(() => messages.length > place);
      const mail = messages[place];
      if (!mail) throw new Error('no mail');
      return mail;
    },
    attempts,
    attempted: (count) => until(() => attempts.length >= count),
    connections: () => server.connections.size,
    stop,
    start,
  };
}

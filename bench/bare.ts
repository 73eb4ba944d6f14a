// The least that Node can do for a gRPC call: read a body, answer with a fixed one and trailers. What everything else is
// measured against. Prints its port. node bench/bare.ts [bytes]
import { createServer } from 'node:http2';

/** Length-prefixed as gRPC has it; about as long as a user unless told otherwise. */
const message = Buffer.alloc(Number(process.argv[2] ?? 256));
const prefix = Buffer.alloc(5);
prefix.writeUInt32BE(message.length, 1);
const answer = Buffer.concat([prefix, message]);

const server = createServer();
server.on('stream', (stream) => {
  stream.on('error', () => {});
  stream.resume();
  stream.on('end', () => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(answer);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(address.port);
});

// The least that Node can do for a call over HTTP/1.1: read a body, answer with a fixed one. Prints its port. node bench/bareHttp1.ts [bytes]
import { createServer } from 'node:http';

/** About as long as a user in JSON unless told otherwise. */
const answer = Buffer.alloc(Number(process.argv[2] ?? 512), ' ');

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
    response.end(answer);
  });
});
server.keepAliveTimeout = 75_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(address.port);
});

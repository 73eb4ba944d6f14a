import { type NodeHandler, pathOf } from './handler.ts';

/** A counter in Prometheus' text format 0.0.4: its values by the label `rpc`, whose values hold no quotes. */
export interface Counter {
  name: string;
  help: string;
  values: ReadonlyMap<string, number>;
}

/** Answers `GET /metrics`, and leaves the rest to `handler`. Counts only: anyone may ask. */
export const metrics =
  (counters: readonly Counter[], handler: NodeHandler): NodeHandler =>
  (request, response) => {
    if (pathOf(request) !== '/metrics') return handler(request, response);
    const allowed = request.method === 'GET' || request.method === 'HEAD';
    const body = allowed ? counters.flatMap(linesOf).join('') : '';
    response.writeHead(allowed ? 200 : 405, {
      ...(allowed ? { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } : { allow: 'GET, HEAD' }),
      'cache-control': 'no-store',
      'content-length': Buffer.byteLength(body),
    });
    if (request.method === 'HEAD') response.end();
    else response.end(body);
  };

const linesOf = ({ name, help, values }: Counter): string[] => [
  `# HELP ${name} ${help}\n# TYPE ${name} counter\n`,
  ...[...values].map(([rpc, value]) => `${name}{rpc="${rpc}"} ${value}\n`),
];

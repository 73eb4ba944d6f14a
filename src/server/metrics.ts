import { type NodeHandler, type NodeResponse, pathOf } from './handler.ts';

/** In Prometheus' text format 0.0.4: values by one label, whose values hold no quotes; '' is the value without a label. */
export interface Metric {
  name: string;
  type: 'counter' | 'gauge';
  help: string;
  label: string;
  values: Iterable<readonly [string, number]>;
}

/** Answers `GET /metrics`, and leaves the rest to `handler`. Numbers only: anyone may ask. */
export function metrics(read: () => Promise<readonly Metric[]>, handler: NodeHandler): NodeHandler {
  return (request, response) => {
    if (pathOf(request) !== '/metrics') return handler(request, response);
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(response, 405, { allow: 'GET, HEAD' }, '');
    void read().then((found) => {
      const type = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' };
      answer(response, 200, type, found.flatMap(linesOf).join(''), request.method === 'HEAD');
    });
  };
}

function answer(response: NodeResponse, status: number, headers: Record<string, string>, body: string, headOnly = false): void {
  response.writeHead(status, { ...headers, 'cache-control': 'no-store', 'content-length': Buffer.byteLength(body) });
  if (headOnly) response.end();
  else response.end(body);
}

const linesOf = ({ name, type, help, label, values }: Metric): string[] => [
  `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`,
  ...[...values].map(([key, value]) => (key === '' ? `${name} ${value}\n` : `${name}{${label}="${key}"} ${value}\n`)),
];

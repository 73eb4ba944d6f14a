import { type NodeHandler, type NodeResponse, pathOf } from './handler.ts';

export interface ReadyReport {
  ready: boolean;
  /** What readiness rests on, by name. Anyone may ask: no reasons, no addresses. */
  checks: Record<string, boolean>;
  /** What is wrong though the service can answer, by name, in a word. */
  notices: Readonly<Record<string, string>>;
}

/**
 * Answers `/healthz` (200 as long as the process runs) and `/readyz` (200, or 503 when `check` says no or fails), and
 * leaves the rest to `handler`. However many ask at once, one check runs.
 */
export function probes(check: () => Promise<ReadyReport>, handler: NodeHandler): NodeHandler {
  let running: Promise<ReadyReport> | undefined;
  const report = () => {
    running ??= check()
      .catch(() => ({ ready: false, checks: {}, notices: {} }))
      .finally(() => {
        running = undefined;
      });
    return running;
  };

  return (request, response) => {
    const path = pathOf(request);
    if (path !== '/healthz' && path !== '/readyz') return handler(request, response);
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(response, 405, { allow: 'GET, HEAD' }, '');
    if (path === '/healthz') return answer(response, 200, { 'content-type': 'text/plain' }, 'ok\n');
    void report().then((found) => {
      answer(response, found.ready ? 200 : 503, { 'content-type': 'application/json' }, JSON.stringify(found));
    });
  };
}

function answer(response: NodeResponse, status: number, headers: Record<string, string>, body: string): void {
  response.writeHead(status, { ...headers, 'cache-control': 'no-store', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

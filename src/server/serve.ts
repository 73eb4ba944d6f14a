import type { ConnectRouter } from '@connectrpc/connect';
import { Health as HealthService } from '../../gen/grpc/health/v1/health_pb.ts';
import type { Config } from '../config.ts';
import type { App } from '../kernel/call.ts';
import { ping } from '../kernel/db/client.ts';
import { serveAvatars } from '../web/avatars/serveAvatars.ts';
import { serveOauth } from '../web/oauth/serveOauth.ts';
import { servePages } from '../web/servePages.ts';
import type { Group } from '../workers/group.ts';
import type { Report } from '../workers/messages.ts';
import { cors, corsHeaders } from './cors.ts';
import { announceDeprecation } from './deprecation.ts';
import { Health } from './health.ts';
import { type Listener, listen } from './listen.ts';
import { metrics } from './metrics.ts';
import { Monitor } from './monitor.ts';
import { networksBehind } from './network.ts';
import { probes } from './probes.ts';
import { reflectionRoutes } from './reflection.ts';
import { alone, metricsOf, noticesIn } from './reports.ts';
import { olderNames, routes, services } from './routes.ts';
import { serveRpcs } from './rpc.ts';

/** Puts the app on its port: RPCs, reflection, health, probes, CORS, avatars, tokens, pages. Closing it says "not serving" first. */
export async function serve(
  app: App,
  config: Pick<
    Config,
    'listen' | 'tls' | 'trustedProxies' | 'networkPrefix' | 'corsOrigins' | 'maxMessageBytes' | 'maxTimeoutMs'
  >,
  notices: () => Readonly<Record<string, string>>,
  group?: Group,
): Promise<Listener> {
  const served = [...services, ...olderNames];
  const health = new Health(served.map(({ typeName }) => typeName));
  const monitor = new Monitor(
    () => ping(app.db),
    (present) => health.set(present),
  );
  const reflection = reflectionRoutes([...served, HealthService]);
  const all = (router: ConnectRouter) => {
    routes(router);
    health.routes(router);
    reflection(router);
  };
  const networkOf = networksBehind(config);
  const deprecation = announceDeprecation(app);
  const rpcs = serveRpcs(app, {
    routes: all,
    networkOf,
    deprecation: deprecation.interceptor,
    corsHeaders: corsHeaders(config.corsOrigins),
    ...config,
  });
  let connections = () => 0;
  const report = (): Report => ({
    worker: group?.worker ?? 1,
    calls: Object.fromEntries(deprecation.counts),
    connections: connections(),
    residentBytes: process.memoryUsage.rss(),
    notices: notices(),
  });
  group?.describe(report);
  const reports = async () => (group ? group.reports() : alone(report()));
  const probed = probes(
    async () => {
      const [database, all] = await Promise.all([monitor.check(), reports()]);
      return { ready: database && health.serving, checks: { database }, notices: noticesIn(all) };
    },
    metrics(async () => metricsOf(await reports()), rpcs.handler),
  );

  const avatars = serveAvatars({ app, networkOf, uploadMs: config.maxTimeoutMs }, probed);
  const tokens = serveOauth({ app, networkOf, maxTimeoutMs: config.maxTimeoutMs }, avatars);
  // In front of CORS: no script of another origin reads a page.
  const handler = servePages(app, networkOf, cors(config.corsOrigins, tokens));
  const listener = await listen({ ...config.listen, tls: config.tls, handler, unary: rpcs.unary, arrivals: group?.arrivals });
  connections = listener.connections;
  await monitor.check();
  return {
    ...listener,
    close: async (graceMs) => {
      monitor.stop();
      health.set(false);
      health.close();
      await listener.close(graceMs);
    },
  };
}

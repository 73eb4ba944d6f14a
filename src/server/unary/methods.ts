import type { DescMessage, DescMethodUnary, Message, MessageInitShape } from '@bufbuild/protobuf';
import { type ConnectRouter, createServiceImplSpec, type HandlerContext } from '@connectrpc/connect';

/** A method with one request and one answer, and the function that answers it. */
export interface UnaryMethod {
  method: DescMethodUnary;
  handle(request: Message, context: HandlerContext): MessageInitShape<DescMessage> | Promise<MessageInitShape<DescMessage>>;
}

/** The unary methods among the routes, by their path. */
export function unaryMethods(routes: (router: ConnectRouter) => void): Map<string, UnaryMethod> {
  const methods = new Map<string, UnaryMethod>();
  const collector: ConnectRouter = {
    handlers: [],
    service(service, implementation) {
      for (const spec of Object.values(createServiceImplSpec(service, implementation).methods)) {
        if (spec.kind !== 'unary') continue;
        const { method, impl } = spec;
        methods.set(`/${service.typeName}/${method.name}`, { method, handle: impl });
      }
      return collector;
    },
    rpc: () => {
      throw new Error('a route of a single method');
    },
  };
  routes(collector);
  return methods;
}

import type { DescMessage, DescMethodUnary, Message, MessageInitShape } from '@bufbuild/protobuf';
import {
  type ConnectRouter,
  createMethodImplSpec,
  createServiceImplSpec,
  type HandlerContext,
  type MethodImplSpec,
} from '@connectrpc/connect';

/** A method with one request and one answer, and the function that answers it. */
export interface UnaryMethod {
  method: DescMethodUnary;
  handle(request: Message, context: HandlerContext): MessageInitShape<DescMessage> | Promise<MessageInitShape<DescMessage>>;
}

/** The unary methods among the routes, by their path. */
export function unaryMethods(routes: (router: ConnectRouter) => void): Map<string, UnaryMethod> {
  const methods = new Map<string, UnaryMethod>();
  const add = (spec: MethodImplSpec) => {
    if (spec.kind !== 'unary') return;
    const { method, impl } = spec;
    methods.set(`/${method.parent.typeName}/${method.name}`, { method, handle: impl });
  };
  const collector: ConnectRouter = {
    handlers: [],
    service(service, implementation) {
      for (const spec of Object.values(createServiceImplSpec(service, implementation).methods)) add(spec);
      return collector;
    },
    rpc(method, implementation) {
      add(createMethodImplSpec(method, implementation));
      return collector;
    },
  };
  routes(collector);
  return methods;
}

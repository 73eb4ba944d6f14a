import type { DescMethod } from '@bufbuild/protobuf';
import { olderNames, services } from '../../src/server/routes.ts';

/** A method as it is served, for one that was read with its comments: rights and successors are known by that. */
export function servedAs({ parent, localName }: DescMethod): DescMethod {
  const service = [...services, ...olderNames].find(({ typeName }) => typeName === parent.typeName);
  const method = service?.methods.find((one) => one.localName === localName);
  if (!method) throw new Error(`${parent.typeName} does not serve ${localName}`);
  return method;
}

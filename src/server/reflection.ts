import type { DescFile, DescService } from '@bufbuild/protobuf';
import { Code, type ConnectRouter } from '@connectrpc/connect';
import { file_google_rpc_error_details } from '../../gen/google/rpc/error_details_pb.ts';
import { ServerReflection, type ServerReflectionRequest } from '../../gen/grpc/reflection/v1/reflection_pb.ts';
import {
  ServerReflection as ServerReflectionAlpha,
  type ServerReflectionRequest as ServerReflectionRequestAlpha,
} from '../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { file_zitadel_v1_error } from '../../gen/zitadel/v1/error_pb.ts';
import { describe, encodeWithImports } from './descriptors.ts';

/** No RPC names these types, but every error carries them. */
const errorFiles = [file_google_rpc_error_details, file_zitadel_v1_error];

type Request = ServerReflectionRequest | ServerReflectionRequestAlpha;

/**
 * Tells clients without proto files what the server speaks: these services, reflection itself, and every file they import
 * (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md), in v1 and in v1alpha, which differ only in name.
 */
export function reflectionRoutes(services: readonly DescService[]): (router: ConnectRouter) => void {
  const answer = answers([...services, ServerReflection, ServerReflectionAlpha]);
  async function* serverReflectionInfo<R extends Request>(requests: AsyncIterable<R>) {
    for await (const request of requests) {
      yield { validHost: request.host, originalRequest: request, messageResponse: answer(request.messageRequest) };
    }
  }
  return (router) => {
    router.service(ServerReflection, { serverReflectionInfo });
    router.service(ServerReflectionAlpha, { serverReflectionInfo });
  };
}

/** Answers one question. "Unknown" is an answer too: a failed stream would take the questions behind it along. */
function answers(services: readonly DescService[]) {
  const known = describe(services, errorFiles);

  return (question: Request['messageRequest']) => {
    switch (question.case) {
      case 'fileByFilename':
        return fileAnswer(known.file(question.value), question.value);
      case 'fileContainingSymbol':
        return fileAnswer(known.fileOfSymbol(question.value), question.value);
      case 'fileContainingExtension': {
        const { containingType, extensionNumber } = question.value;
        return fileAnswer(known.fileOfExtension(containingType, extensionNumber), `${containingType} [${extensionNumber}]`);
      }
      case 'allExtensionNumbersOfType': {
        const extensionNumber = known.extensionNumbers(question.value);
        if (extensionNumber === undefined) return unknown(question.value);
        return { case: 'allExtensionNumbersResponse', value: { baseTypeName: question.value, extensionNumber } } as const;
      }
      case 'listServices':
        return { case: 'listServicesResponse', value: { service: known.serviceNames.map((name) => ({ name })) } } as const;
      case undefined:
        return problem(Code.InvalidArgument, 'The request asks nothing that this server knows to answer.');
    }
  };
}

function fileAnswer(file: DescFile | undefined, asked: string) {
  if (file === undefined) return unknown(asked);
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: encodeWithImports(file) } } as const;
}

const unknown = (asked: string) => problem(Code.NotFound, `The server knows nothing named "${asked}".`);

const problem = (errorCode: Code, errorMessage: string) =>
  ({ case: 'errorResponse', value: { errorCode, errorMessage } }) as const;

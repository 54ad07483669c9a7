/**
 * gRPC server reflection, v1 and v1alpha: clients such as grpcurl list, describe and call our services with no files of their
 * own. The answers come from the descriptors that the code itself uses, so they can't disagree with it.
 */
import {
  createRegistry,
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  type Registry,
  toBinary,
} from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { ConnectRouter } from '@connectrpc/connect';
import { file_google_rpc_error_details } from '../gen/google/rpc/error_details_pb.ts';
import { file_google_rpc_status } from '../gen/google/rpc/status_pb.ts';
import {
  ServerReflection as ReflectionV1,
  type ServerReflectionRequest as RequestV1,
} from '../gen/grpc/reflection/v1/reflection_pb.ts';
import {
  ServerReflection as ReflectionV1Alpha,
  type ServerReflectionRequest as RequestV1Alpha,
} from '../gen/grpc/reflection/v1alpha/reflection_pb.ts';

/** Numbers of google.rpc.Code. */
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;

/** Both versions have the same questions and answers, under two names. */
type Question = (RequestV1 | RequestV1Alpha)['messageRequest'];

/** What reflection answers from: all files that the served ones import, however deep. */
interface Catalogue {
  readonly services: readonly string[];
  readonly files: ReadonlyMap<string, DescFile>;
  readonly types: Registry;
  /** The file of every full name: types, services, and what is inside them. */
  readonly symbols: ReadonlyMap<string, DescFile>;
}

function addWithImports(file: DescFile, files: Map<string, DescFile>): void {
  if (files.has(file.proto.name)) return;
  files.set(file.proto.name, file);
  for (const imported of file.dependencies) addWithImports(imported, files);
}

function catalogueOf(services: readonly DescService[]): Catalogue {
  const files = new Map<string, DescFile>();
  // Error details travel as Any; without their files a client can not print them.
  const roots = [...services.map(({ file }) => file), file_google_rpc_error_details, file_google_rpc_status];
  for (const root of roots) addWithImports(root, files);
  const types = createRegistry(...files.values());
  const symbols = new Map([...types].flatMap((type) => symbolsOf(type).map((symbol) => [symbol, type.file] as const)));
  return { services: services.map(({ typeName }) => typeName).sort(), files, types, symbols };
}

type Type = DescMessage | DescEnum | DescExtension | DescService;

function symbolsOf(type: Type): string[] {
  const inside = (names: ReadonlyArray<{ readonly name: string }>): string[] =>
    names.map(({ name }) => `${type.typeName}.${name}`);
  switch (type.kind) {
    case 'message':
      return [type.typeName, ...inside(type.fields), ...inside(type.oneofs)];
    case 'service':
      return [type.typeName, ...inside(type.methods)];
    case 'extension':
      return [type.typeName];
    case 'enum': {
      // As in C++, values stand beside their enum, not inside it; people ask for both.
      const scope = type.typeName.slice(0, type.typeName.lastIndexOf('.') + 1);
      return [type.typeName, ...inside(type.values), ...type.values.map(({ name }) => `${scope}${name}`)];
    }
  }
}

/** The file and everything that it imports, itself first: a client that knows none of them can use it at once. */
function encoded(file: DescFile): Uint8Array[] {
  const files = new Map<string, DescFile>();
  addWithImports(file, files);
  return [...files.values()].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
}

function fileAnswer(file: DescFile | undefined, what: string) {
  if (file === undefined) return problem(NOT_FOUND, `${what} is not known here`);
  return { case: 'fileDescriptorResponse' as const, value: { fileDescriptorProto: encoded(file) } };
}

function problem(errorCode: number, errorMessage: string) {
  return { case: 'errorResponse' as const, value: { errorCode, errorMessage } };
}

function extensionsOf({ types }: Catalogue, typeName: string) {
  return [...types].filter((desc) => desc.kind === 'extension').filter((desc) => desc.extendee.typeName === typeName);
}

function answer(catalogue: Catalogue, question: Question) {
  switch (question.case) {
    case 'listServices':
      return {
        case: 'listServicesResponse' as const,
        value: { service: catalogue.services.map((name) => ({ name })) },
      };
    case 'fileByFilename':
      return fileAnswer(catalogue.files.get(question.value), `file ${question.value}`);
    case 'fileContainingSymbol':
      return fileAnswer(catalogue.symbols.get(question.value.replace(/^\./, '')), `symbol ${question.value}`);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = question.value;
      const found = extensionsOf(catalogue, containingType).find(({ number }) => number === extensionNumber);
      return fileAnswer(found?.file, `extension ${extensionNumber} of ${containingType}`);
    }
    case 'allExtensionNumbersOfType': {
      if (catalogue.types.getMessage(question.value) === undefined) {
        return problem(NOT_FOUND, `message ${question.value} is not known here`);
      }
      const extensionNumber = extensionsOf(catalogue, question.value).map(({ number }) => number);
      return {
        case: 'allExtensionNumbersResponse' as const,
        value: { baseTypeName: question.value, extensionNumber },
      };
    }
    case undefined:
      return problem(UNIMPLEMENTED, 'the question is empty, or newer than this server');
  }
}

/** Adds both versions of reflection to a router. `services` are those to show; reflection shows itself too. */
export function addReflection(router: ConnectRouter, services: readonly DescService[]): void {
  const catalogue = catalogueOf([...services, ReflectionV1, ReflectionV1Alpha]);
  router.service(ReflectionV1, {
    async *serverReflectionInfo(requests) {
      for await (const originalRequest of requests) {
        const messageResponse = answer(catalogue, originalRequest.messageRequest);
        yield { validHost: originalRequest.host, originalRequest, messageResponse };
      }
    },
  });
  router.service(ReflectionV1Alpha, {
    async *serverReflectionInfo(requests) {
      for await (const originalRequest of requests) {
        const messageResponse = answer(catalogue, originalRequest.messageRequest);
        yield { validHost: originalRequest.host, originalRequest, messageResponse };
      }
    },
  });
}

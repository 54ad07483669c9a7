import { create, createFileRegistry, type DescService, fromBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Health } from '../../shared/gen/grpc/health/v1/health_pb.ts';
import {
  type ServerReflectionResponse as ResponseV1,
  ServerReflection as V1,
} from '../../shared/gen/grpc/reflection/v1/reflection_pb.ts';
import {
  type ServerReflectionResponse as ResponseV1Alpha,
  ServerReflection as V1Alpha,
} from '../../shared/gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { ClusterService } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { EventService } from '../../shared/gen/locum/v1/event_service_pb.ts';
import { PolicyService } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { PoolService } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { createConnectHandler } from '../../shared/rpc/connect-handler.ts';
import { addReflection } from '../../shared/rpc/reflection.ts';
import { startListener } from '../../shared/rpc/single-port-listener.ts';

const services: readonly DescService[] = [
  ...[ClusterService, EventService, PolicyService, PoolService, RunService, ServerService, Health],
];

type Answer = (ResponseV1 | ResponseV1Alpha)['messageResponse'];
type Question = Parameters<typeof create<typeof V1.method.serverReflectionInfo.input>>[1];

/** Asks over the wire, all questions in one stream. */
async function ask(version: typeof V1 | typeof V1Alpha, questions: ReadonlyArray<NonNullable<Question>>) {
  const handler = createConnectHandler({
    routes: (router) => addReflection(router, services),
    onDefect: () => undefined,
  });
  const { port, close } = await startListener({ host: '127.0.0.1', port: 0, handler });
  onTestFinished(() => close(0));
  const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` });
  const answers: Answer[] = [];
  async function* requests() {
    yield* questions;
  }
  const client = createClient(version, transport);
  for await (const { messageResponse } of client.serverReflectionInfo(requests())) answers.push(messageResponse);
  return answers;
}

const symbol = (value: string) => ({ messageRequest: { case: 'fileContainingSymbol' as const, value } });

/** Names of the files in an answer. */
function fileNames(answer: Answer | undefined): string[] {
  if (answer?.case !== 'fileDescriptorResponse') return [];
  return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
}

/** The order that a registry wants. Throws when a file that another one imports is not there. */
function importsFirst(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const ordered = new Set<FileDescriptorProto>();
  const visit = (name: string): void => {
    const file = files.find((candidate) => candidate.name === name);
    if (file === undefined) throw new Error(`${name} is imported, and missing`);
    for (const imported of file.dependency) visit(imported);
    ordered.add(file);
  };
  for (const { name } of files) visit(name);
  return [...ordered];
}

describe.each([
  ['v1', V1],
  ['v1alpha', V1Alpha],
])('reflection %s', (_name, version) => {
  it('lists every service, and itself', async () => {
    const [answer] = await ask(version, [{ messageRequest: { case: 'listServices', value: '' } }]);
    const listed = answer?.case === 'listServicesResponse' ? answer.value.service.map(({ name }) => name) : [];
    expect(listed).toEqual([...services, V1, V1Alpha].map(({ typeName }) => typeName).sort());
  });

  it.each(services.map((service) => [service.typeName, service] as const))(
    'gives everything that is needed to call %s',
    async (typeName, service) => {
      const [answer] = await ask(version, [symbol(typeName)]);
      const bytes = answer?.case === 'fileDescriptorResponse' ? answer.value.fileDescriptorProto : [];
      const files = bytes.map((one) => fromBinary(FileDescriptorProtoSchema, one));
      const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: importsFirst(files) }));
      const methods = registry.getService(typeName)?.methods.map(({ name }) => name);
      expect(methods).toEqual(service.methods.map(({ name }) => name));
    },
  );

  it('finds messages, methods, fields and enum values, also with a dot in front', async () => {
    const names = [
      '.locum.v1.Pool',
      'locum.v1.PoolService.GetPool',
      'locum.v1.Pool.timers',
      'locum.v1.ON_DISCONNECT_HOLD',
    ];
    const answers = await ask(version, names.map(symbol));
    expect(answers.map((answer) => fileNames(answer)[0])).toEqual([
      'locum/v1/pool.proto',
      'locum/v1/pool_service.proto',
      'locum/v1/pool.proto',
      'locum/v1/policy.proto',
    ]);
  });

  it('gives files by name, also those that only error details need', async () => {
    const names = ['google/rpc/error_details.proto', 'google/rpc/status.proto', 'buf/validate/validate.proto'];
    const answers = await ask(
      version,
      names.map((value) => ({ messageRequest: { case: 'fileByFilename' as const, value } })),
    );
    expect(answers.map((answer) => fileNames(answer)[0])).toEqual(names);
  });

  it('knows the extensions that our rules are', async () => {
    const containingType = 'google.protobuf.FieldOptions';
    const [numbers, file] = await ask(version, [
      { messageRequest: { case: 'allExtensionNumbersOfType', value: containingType } },
      { messageRequest: { case: 'fileContainingExtension', value: { containingType, extensionNumber: 1159 } } },
    ]);
    expect(numbers).toMatchObject({ value: { baseTypeName: containingType, extensionNumber: [1159, 1160] } });
    expect(fileNames(file)[0]).toBe('buf/validate/validate.proto');
  });

  it('answers what it does not know with an error, and goes on', async () => {
    const answers = await ask(version, [
      symbol('locum.v1.Nothing'),
      symbol(''),
      { messageRequest: { case: 'fileByFilename', value: '../../etc/passwd' } },
      { messageRequest: { case: 'fileContainingExtension', value: { containingType: 'a.B', extensionNumber: 1 } } },
      { messageRequest: { case: 'allExtensionNumbersOfType', value: 'a.B' } },
      {},
      symbol('locum.v1.Pool'),
    ]);
    expect(answers.map((answer) => (answer.case === 'errorResponse' ? answer.value.errorCode : 0))).toEqual([
      ...[5, 5, 5, 5, 5, 12, 0],
    ]);
  });
});

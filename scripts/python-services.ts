/** The module `locum.services` of the Python package: a typed method per call of the API, for threads and for asyncio. */
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { AccessService } from '../shared/gen/locum/v1/access_service_pb.ts';
import { AuditService } from '../shared/gen/locum/v1/audit_service_pb.ts';
import { ClusterService } from '../shared/gen/locum/v1/cluster_service_pb.ts';
import { EnrolmentService } from '../shared/gen/locum/v1/enrolment_service_pb.ts';
import { EventService } from '../shared/gen/locum/v1/event_service_pb.ts';
import { FenceService } from '../shared/gen/locum/v1/fence_service_pb.ts';
import { HookService } from '../shared/gen/locum/v1/hook_service_pb.ts';
import { PolicyService } from '../shared/gen/locum/v1/policy_service_pb.ts';
import { PoolService } from '../shared/gen/locum/v1/pool_service_pb.ts';
import { RunService } from '../shared/gen/locum/v1/run_service_pb.ts';
import { ServerService } from '../shared/gen/locum/v1/server_service_pb.ts';

/** What an agent says is no part of a client. */
const SERVICES: Readonly<Record<string, DescService>> = {
  policies: PolicyService,
  runs: RunService,
  servers: ServerService,
  pools: PoolService,
  events: EventService,
  fences: FenceService,
  cluster: ClusterService,
  audit: AuditService,
  access: AccessService,
  enrolment: EnrolmentService,
  hooks: HookService,
};

interface Flavour {
  readonly prefix: '' | 'Async';
  readonly def: string;
  readonly result: string;
  readonly stream: string;
}

const FLAVOURS: readonly Flavour[] = [
  { prefix: '', def: 'def', result: 'return self._transport', stream: 'Iterator' },
  { prefix: 'Async', def: 'async def', result: 'return await self._transport', stream: 'AsyncIterator' },
];

const moduleOf = ({ file }: DescService): string => `${file.name.slice(file.name.lastIndexOf('/') + 1)}_pb2`;

function methodLines({ name, parent, input, output, methodKind }: DescMethod, flavour: Flavour): string[] {
  const messages = moduleOf(parent);
  const [request, answer] = [`${messages}.${input.name}`, `${messages}.${output.name}`];
  const path = `"/${parent.typeName}/${name}"`;
  if (methodKind === 'server_streaming') {
    return [
      `    def ${name}(self, request: ${request}) -> ${flavour.stream}[${answer}]:`,
      `        return self._transport.stream(${path}, request, ${answer})`,
      '',
    ];
  }
  return [
    `    ${flavour.def} ${name}(self, request: ${request}, *, timeout: float | None = None) -> ${answer}:`,
    `        ${flavour.result}.unary(${path}, request, ${answer}, timeout)`,
    '',
  ];
}

function classLines(service: DescService, flavour: Flavour): string[] {
  return [
    `class ${flavour.prefix}${service.name}:`,
    `    def __init__(self, transport: ${flavour.prefix}Transport) -> None:`,
    '        self._transport = transport',
    '',
    ...service.methods.flatMap((method) => methodLines(method, flavour)),
    '',
  ];
}

export function printPythonServices(): string {
  const all = Object.entries(SERVICES);
  const modules = [...new Set(all.map(([, service]) => moduleOf(service)))].toSorted();
  const classes = FLAVOURS.flatMap((flavour) => [
    ...all.flatMap(([, service]) => classLines(service, flavour)),
    `class ${flavour.prefix}Services:`,
    `    def __init__(self, transport: ${flavour.prefix}Transport) -> None:`,
    ...all.map(([member, { name }]) => `        self.${member} = ${flavour.prefix}${name}(transport)`),
    '',
    '',
  ]);
  return [
    '"""Generated from the protos: a method per call. `timeout`: seconds for the call with all its repetitions."""',
    '',
    'from __future__ import annotations',
    '',
    'from collections.abc import AsyncIterator, Iterator',
    'from typing import TYPE_CHECKING',
    '',
    `from .v1 import ${modules.join(', ')}`,
    '',
    'if TYPE_CHECKING:',
    '    from ._client import Transport',
    '    from ._client_async import AsyncTransport',
    '',
    '',
    ...classes,
  ].join('\n');
}

/**
 * One of the servers that are measured, as a process of its own: a controller, or the bare libraries (grpc-js that echoes to agents, and
 * Node's http2 that answers `{}` to everybody else); plain or with TLS.
 */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttp2Server, createSecureServer } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { openClusterAuthority } from '../controller/access/cluster-authority.ts';
import { loadControllerSettings } from '../controller/config/config.ts';
import { runController } from '../controller/main.ts';
import { LOCAL_TOKEN_FILE } from '../shared/access/local-files.ts';
import { present } from '../shared/assert.ts';
import { AgentService } from '../shared/gen/locum/v1/agent_service_pb.ts';
import { createLogger } from '../shared/log.ts';
import { makeRequest } from '../shared/pki/key-pair.ts';
import { listenerOptions } from '../shared/rpc/channel-options.ts';
import type { TlsMaterial } from '../shared/rpc/tls-identity.ts';

/** With `-tls`: certificates on both ends, as hosts have them. */
export const SERVER_KINDS = ['controller', 'controller-tls', 'echo', 'echo-tls'] as const;
export type ServerKind = (typeof SERVER_KINDS)[number];

export interface ServerReady {
  readonly agentAddress: string;
  readonly apiAddress: string;
  /** With TLS: where the authority is, and of which cluster. */
  readonly tls: AuthorityOnDisk | undefined;
  /** Of the administrator. Empty: everybody may call. */
  readonly token: string;
}

export interface AuthorityOnDisk {
  readonly dataDirectory: string;
  readonly clusterId: string;
}

/** What the parent may ask; `memory` collects garbage first, which costs CPU. */
export type Question = 'cpu' | 'memory';

/** User and system time of this process so far, in microseconds. */
export interface CpuAnswer {
  readonly cpuMicros: number;
}

export interface MemoryAnswer {
  readonly residentBytes: number;
  readonly heapBytes: number;
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'locum-bench-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function startEcho(withTls: boolean): Promise<ServerReady> {
  const server = new grpc.Server({ ...listenerOptions, 'grpc.enable_channelz': 0 });
  const bytes = (buffer: Buffer): Buffer => buffer;
  server.addService(
    {
      connect: {
        path: `/${AgentService.typeName}/Connect`,
        requestStream: true,
        responseStream: true,
        requestSerialize: bytes,
        requestDeserialize: bytes,
        responseSerialize: bytes,
        responseDeserialize: bytes,
      },
    },
    {
      connect(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
        call.on('data', (message: Buffer) => call.write(message));
        call.on('error', () => undefined);
      },
    },
  );
  const tls = withTls ? { dataDirectory: temporaryDirectory(), clusterId: 'bench' } : undefined;
  const material = tls && (await echoMaterial(tls));
  const credentials =
    material === undefined
      ? grpc.ServerCredentials.createInsecure()
      : grpc.ServerCredentials.createSsl(
          Buffer.from(material.rootsPem),
          [{ private_key: Buffer.from(material.keyPem), cert_chain: Buffer.from(material.certPem) }],
          true,
        );
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
    if (error === null) resolve(port);
    else reject(error);
  });
  return { agentAddress: `127.0.0.1:${await promise}`, apiAddress: await startBareHttp2(material), tls, token: '' };
}

async function startBareHttp2(material: TlsMaterial | undefined): Promise<string> {
  const server =
    material === undefined
      ? createHttp2Server()
      : createSecureServer({ cert: material.certPem, key: material.keyPem, ca: material.rootsPem, requestCert: true });
  server.on('stream', (stream) => {
    stream.on('error', () => undefined).resume();
    stream.once('end', () => {
      if (stream.closed || stream.destroyed) return;
      stream.respond({ ':status': 200, 'content-type': 'application/json' });
      stream.end('{}');
    });
  });
  server.on('sessionError', () => undefined);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : '';
}

/** Certificates such as a controller's. */
async function echoMaterial({ dataDirectory, clusterId }: AuthorityOnDisk): Promise<TlsMaterial> {
  const { authority, rootsPem } = await openClusterAuthority({ clusterId, dataDirectory, nowMs: Date.now() });
  const { csrPem, keyPem } = await makeRequest();
  const { certPem } = await present(authority, 'the authority made just now').sign({
    csrPem,
    identity: { clusterId, kind: 'controller', name: 'echo' },
    nowMs: Date.now(),
  });
  return { certPem, keyPem, rootsPem };
}

/** As in production, but for where it listens. */
async function startController(withTls: boolean, open: boolean): Promise<ServerReady> {
  const dataDirectory = temporaryDirectory();
  const settings = loadControllerSettings({
    flags: { apiListen: '127.0.0.1:0', agentListen: '127.0.0.1:0', dataDirectory },
    env: process.env,
  });
  const { apiAddress, agentAddress } = await runController({
    ...settings,
    open,
    ...(withTls ? { tls: {} } : {}),
    version: 'bench',
    log: createLogger({ name: 'controller', level: 'error' }),
  });
  const tls = withTls ? { dataDirectory, clusterId: await clusterOf(dataDirectory) } : undefined;
  const token = open ? '' : readFileSync(join(dataDirectory, LOCAL_TOKEN_FILE), 'utf8').trim();
  return { agentAddress, apiAddress, tls, token };
}

async function clusterOf(dataDirectory: string): Promise<string> {
  const { rootsPem } = await openClusterAuthority({ clusterId: 'unknown', dataDirectory, nowMs: Date.now() });
  return /^OU=(.+)$/m.exec(new X509Certificate(rootsPem).subject)?.[1] ?? 'unknown';
}

function answerTo(question: Question): CpuAnswer | MemoryAnswer {
  if (question === 'cpu') {
    const { user, system } = process.cpuUsage();
    return { cpuMicros: user + system };
  }
  // Twice: the first frees what the second finds unused.
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { residentBytes: rss, heapBytes: heapUsed };
}

const kind = SERVER_KINDS.find((candidate) => candidate === process.argv[2]);
process.on('message', (question: Question) => process.send?.(answerTo(question)));
// The parent is gone or done.
process.on('disconnect', () => process.exit(0));
const withTls = kind?.endsWith('-tls') ?? false;
process.send?.(
  kind?.startsWith('echo') ? await startEcho(withTls) : await startController(withTls, process.argv[3] !== 'closed'),
);

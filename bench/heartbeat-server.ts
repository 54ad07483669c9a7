/** One of the servers of the heartbeat benchmark, as a process of its own: `controller`, with `tls`, or a bare grpc-js `echo`. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { openClusterAuthority } from '../controller/access/cluster-authority.ts';
import { loadControllerSettings } from '../controller/config/config.ts';
import { runController } from '../controller/main.ts';
import { AgentService } from '../shared/gen/locum/v1/agent_service_pb.ts';
import { createLogger } from '../shared/log.ts';
import type { Timers } from '../shared/protocol/timers.ts';
import { listenerOptions } from '../shared/rpc/channel-options.ts';

export interface ServerReady {
  readonly kind: 'ready';
  readonly agentAddress: string;
  /** Empty: the echo has none. */
  readonly apiAddress: string;
  /** With TLS: where the authority is, and of which cluster. */
  readonly tls: { readonly dataDirectory: string; readonly clusterId: string } | undefined;
}

export interface ServerUsage {
  readonly kind: 'usage';
  /** User and system time of this process so far, microseconds. */
  readonly cpuMicros: number;
  /** Resident, bytes, after a collection of garbage. */
  readonly residentBytes: number;
}

/** The default timers of production, except for the heartbeat: benchmarks have no time for one every 5 s. */
const timers = (heartbeatMs: number): Partial<Timers> => ({ heartbeatMs });

async function startEcho(): Promise<ServerReady> {
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
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error === null) resolve(port);
    else reject(error);
  });
  return { kind: 'ready', agentAddress: `127.0.0.1:${await promise}`, apiAddress: '', tls: undefined };
}

async function startController(heartbeatMs: number, withTls: boolean): Promise<ServerReady> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'locum-bench-'));
  process.once('exit', () => rmSync(dataDirectory, { recursive: true, force: true }));
  const settings = loadControllerSettings({
    flags: { apiListen: '127.0.0.1:0', agentListen: '127.0.0.1:0', dataDirectory },
    env: process.env,
  });
  const { apiAddress, agentAddress } = await runController({
    open: true,
    ...settings,
    ...(withTls ? { tls: {} } : {}),
    initialTimers: { ...settings.initialTimers, ...timers(heartbeatMs) },
    version: 'bench',
    log: createLogger({ name: 'controller', level: 'error' }),
  });
  const tls = withTls ? { dataDirectory, clusterId: await clusterOf(dataDirectory) } : undefined;
  return { kind: 'ready', agentAddress, apiAddress, tls };
}

async function clusterOf(dataDirectory: string): Promise<string> {
  const { rootsPem } = await openClusterAuthority({ clusterId: 'unknown', dataDirectory, nowMs: Date.now() });
  return /^OU=(.+)$/m.exec(new X509Certificate(rootsPem).subject)?.[1] ?? 'unknown';
}

const [kind, heartbeatMs] = process.argv.slice(2);
process.on('message', (question) => {
  if (question !== 'usage') return;
  const { user, system } = process.cpuUsage();
  globalThis.gc?.();
  const residentBytes = process.memoryUsage.rss();
  process.send?.({ kind: 'usage', cpuMicros: user + system, residentBytes } satisfies ServerUsage);
});
// The parent is gone or done.
process.on('disconnect', () => process.exit(0));
process.send?.(kind === 'echo' ? await startEcho() : await startController(Number(heartbeatMs), kind === 'tls'));

/** One of the two servers of the heartbeat benchmark, as a process of its own: `controller`, or a bare grpc-js `echo`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
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
}

export interface ServerUsage {
  readonly kind: 'usage';
  /** User and system time of this process so far, microseconds. */
  readonly cpuMicros: number;
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
  return { kind: 'ready', agentAddress: `127.0.0.1:${await promise}`, apiAddress: '' };
}

async function startController(heartbeatMs: number): Promise<ServerReady> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'locum-bench-'));
  process.once('exit', () => rmSync(dataDirectory, { recursive: true, force: true }));
  const settings = loadControllerSettings({
    flags: { apiListen: '127.0.0.1:0', agentListen: '127.0.0.1:0', dataDirectory },
    env: process.env,
  });
  const { apiAddress, agentAddress } = await runController({
    ...settings,
    initialTimers: { ...settings.initialTimers, ...timers(heartbeatMs) },
    version: 'bench',
    log: createLogger({ name: 'controller', level: 'error' }),
  });
  return { kind: 'ready', agentAddress, apiAddress };
}

const [kind, heartbeatMs] = process.argv.slice(2);
process.on('message', (question) => {
  if (question !== 'usage') return;
  const { user, system } = process.cpuUsage();
  process.send?.({ kind: 'usage', cpuMicros: user + system } satisfies ServerUsage);
});
// The parent is gone or done.
process.on('disconnect', () => process.exit(0));
process.send?.(kind === 'echo' ? await startEcho() : await startController(Number(heartbeatMs)));

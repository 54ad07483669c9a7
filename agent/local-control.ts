/**
 * Orders of the host's administrator to a running agent, as HTTP with JSON over a unix socket:
 * `GET /status`, and `POST /leave` with `{"withinMs": 10000}`, which is answered when the agent has left.
 */
import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { messageOf } from '../shared/caught-error.ts';
import { DiskLane } from '../shared/disk-lane.ts';
import type { AgentDescription } from './core/describe.ts';
import { localSocketPath } from './local-socket.ts';

/** What `GET /status` answers. */
export interface AgentStatusReport extends AgentDescription {
  readonly server: string;
  readonly pool: string;
  readonly pid: number;
  readonly version: string;
  readonly stateDir: string;
  readonly controllers: readonly string[];
}

export interface LocalControlOptions {
  readonly stateDir: string;
  readonly describe: () => AgentStatusReport;
  readonly leave: (withinMs: number) => void;
}

export interface LocalControl {
  /** Answers who waits for the agent to leave, and closes the socket. */
  close(outcome: string): Promise<void>;
}

/** A request longer than this is none of ours. */
const MAX_BODY_BYTES = 4096;

/** Not imported: an import of node:http reads every export of it, which loads the whole of fetch and WebSocket (7 MiB on each host). */
const { createServer } = process.getBuiltinModule('node:http');

/** The state directory is locked, so a socket that is there was left by a killed agent. */
export async function startLocalControl(options: LocalControlOptions): Promise<LocalControl> {
  const leavers: ServerResponse[] = [];
  const server = createServer({ requestTimeout: 5_000 }, (request, response) => {
    handle(request, response, options, leavers).catch((error: unknown) => {
      answer(response, 400, { error: messageOf(error) });
    });
  });
  await listen(server, options.stateDir);
  return {
    close: async (outcome) => {
      for (const response of leavers) answer(response, 200, { outcome });
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      setTimeout(() => server.closeAllConnections(), 500).unref();
      await closed;
      await new DiskLane(options.stateDir, 500)
        .run(() => rm(join(options.stateDir, 'agent.sock'), { force: true }))
        .catch(() => undefined);
    },
  };
}

async function listen(server: Server, stateDir: string): Promise<void> {
  rmSync(join(stateDir, 'agent.sock'), { force: true });
  const { path, release } = localSocketPath(stateDir);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(path, resolve);
  try {
    await promise;
  } finally {
    release();
  }
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  { describe, leave }: LocalControlOptions,
  leavers: ServerResponse[],
): Promise<void> {
  if (request.method === 'GET' && request.url === '/status') {
    answer(response, 200, describe());
  } else if (request.method === 'POST' && request.url === '/leave') {
    const withinMs = withinOf(await bodyOf(request));
    leavers.push(response);
    leave(withinMs);
  } else {
    answer(response, 404, { error: `no ${request.method} ${request.url} here` });
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw new Error('the request is too long');
  return text(request);
}

function withinOf(body: string): number {
  const value: unknown = JSON.parse(body);
  const withinMs = typeof value === 'object' && value !== null && 'withinMs' in value ? value.withinMs : undefined;
  if (typeof withinMs !== 'number' || !(withinMs >= 0 && withinMs <= 3_600_000)) {
    throw new Error('withinMs must be a number of milliseconds from 0 to an hour');
  }
  return withinMs;
}

function answer(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify(body));
}

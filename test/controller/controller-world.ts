/** A whole controller in this process, on free ports, with clients for each of its services. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Interceptor, Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import type { ControllerSettings } from '../../controller/config/config.ts';
import { type Controller, runController } from '../../controller/main.ts';
import type { ControllerOptions } from '../../controller/options.ts';
import { type Services, servicesOver } from '../../sdk/typescript/services.ts';
import { createLogger } from '../../shared/log.ts';
import type { Timers } from '../../shared/protocol/timers.ts';
import { ScriptedAgent } from './scripted-agent.ts';

/** As short as the inequalities allow with room for a busy machine: a takeover after 1.7 s. */
export const SHORT_TIMERS: Timers = {
  heartbeatMs: 200,
  suspectAfterMs: 700,
  leaseMs: 1_000,
  stopTimeoutMs: 200,
  killGuardMs: 100,
  missingAfterMs: 1_700,
};

export interface Clients extends Services {
  readonly transport: Transport;
}

/** `token`: sent with each call. */
export function clientsOf(apiAddress: string, token?: string): Clients {
  const withToken: Interceptor = (next) => (request) => {
    if (token !== undefined) request.header.set('authorization', `Bearer ${token}`);
    return next(request);
  };
  const transport = createGrpcTransport({ baseUrl: `http://${apiAddress}`, interceptors: [withToken] });
  return { transport, ...servicesOver(transport) };
}

export interface WorldOptions {
  /** `sqlite`: a file in a folder of its own, kept until `dispose`. */
  readonly store?: 'memory' | 'sqlite';
  readonly timers?: Timers;
}

export class ControllerWorld {
  readonly folder: string;
  readonly #options: WorldOptions;
  readonly #agents: ScriptedAgent[] = [];
  #controller: Controller | undefined;
  #clients: Clients | undefined;
  readonly fatal: unknown[] = [];

  private constructor(options: WorldOptions) {
    this.#options = options;
    this.folder = mkdtempSync(join(tmpdir(), 'locum-controller-'));
  }

  static async start(options: WorldOptions = {}): Promise<ControllerWorld> {
    const world = new ControllerWorld(options);
    await world.start();
    return world;
  }

  get settings(): ControllerSettings {
    const anyPort = { host: '127.0.0.1', port: 0 };
    const { store = 'memory', timers = SHORT_TIMERS } = this.#options;
    return {
      apiListen: anyPort,
      agentListen: anyPort,
      store: store === 'memory' ? 'memory:' : `sqlite:${join(this.folder, 'store.sqlite')}`,
      adoptStore: false,
      logLevel: 'silent',
      logFormat: 'json',
      initialTimers: timers,
    };
  }

  async start(more: Partial<ControllerOptions> = {}): Promise<void> {
    this.#controller = await runController({
      open: true,
      ...this.settings,
      version: 'test',
      log: createLogger({ name: 'controller', level: 'silent' }),
      fail: (error) => this.fatal.push(error),
      ...more,
    });
    this.#clients = clientsOf(this.#controller.apiAddress);
  }

  get controller(): Controller {
    if (this.#controller === undefined) throw new Error('the controller is not started');
    return this.#controller;
  }

  get api(): Clients {
    if (this.#clients === undefined) throw new Error('the controller is not started');
    return this.#clients;
  }

  agent(server: string): ScriptedAgent {
    const agent = new ScriptedAgent(this.controller.agentAddress, server);
    this.#agents.push(agent);
    return agent;
  }

  /** An agent that has joined, sends heartbeats and obeys. */
  async liveAgent(server: string): Promise<ScriptedAgent> {
    const agent = this.agent(server);
    agent.live(this.settings.initialTimers.heartbeatMs);
    await agent.join();
    return agent;
  }

  async stop(): Promise<void> {
    const controller = this.#controller;
    this.#controller = undefined;
    await controller?.close();
  }

  async dispose(): Promise<void> {
    for (const agent of this.#agents) agent.close();
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
    if (this.fatal.length > 0) throw new Error('the controller met a defect of its own', { cause: this.fatal[0] });
  }
}

/** A test in a world of its own. */
export function inWorld(body: (world: ControllerWorld) => Promise<void>, options: WorldOptions = {}) {
  return async (): Promise<void> => {
    const world = await ControllerWorld.start(options);
    try {
      await body(world);
    } finally {
      await world.dispose();
    }
  };
}

/** Looks again and again until `look` gives something; the test's own timeout is the bound. */
export async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

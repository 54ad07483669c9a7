/** Real keepers on state directories of their own, and what tests ask of them. Everything that was started is killed at the end. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, vi } from 'vitest';
import {
  type ConnectOptions,
  connectKeeper,
  type KeeperConnection,
  type KeeperEvent,
} from '../../agent/keeper-link/client.ts';
import { ensureKeeper, spawnKeeper } from '../../agent/keeper-link/launch.ts';
import { removeBases, sweepBases } from '../../keeper/drivers/process/cgroup-base.ts';
import type { RunKeeperOptions } from '../../keeper/main.ts';
import type { KeptAttempt } from '../../shared/gen/locum/keeper/v1/keeper_service_pb.ts';
import { AttemptState } from '../../shared/gen/locum/v1/run_pb.ts';
import { readKeeperRecord } from '../../shared/keeper/keeper-record.ts';
import { openRuntimeFolder } from '../../shared/keeper/runtime-folder.ts';
import { deadlineIn, type StartOptions, startRequest } from './start-request.ts';

/** Nothing here takes this long; a test that waits for it has failed. */
const PATIENCE_MS = 40_000;

const runAgentFile = join(import.meta.dirname, 'run-agent.ts');
const runKeeperFile = join(import.meta.dirname, 'run-keeper.ts');
const rigs: Rig[] = [];
const shared = new Map<string, Rig>();
let agents = 0;

/**
 * To be called once by each file of tests: it ends what the tests start, and gives them time enough on a busy machine. Not done
 * when this module is loaded, as files share it.
 */
export function withRealKeepers(): void {
  vi.setConfig({ testTimeout: 2 * PATIENCE_MS, hookTimeout: 2 * PATIENCE_MS });
  afterEach(async () => {
    for (const rig of rigs.splice(0)) await rig.dispose();
  });
  afterAll(async () => {
    for (const rig of shared.values()) await rig.dispose();
    shared.clear();
    vi.resetConfig();
  });
}

/**
 * An agent of its own at a keeper that the tests of a file share: for tests that do nothing to the keeper, as a keeper takes half
 * a second to start. Runs that a test does not name have names of their own.
 */
export async function sharedKeeper(
  options: Partial<RunKeeperOptions> = {},
): Promise<{ readonly rig: Rig; readonly agent: TestAgent }> {
  const key = JSON.stringify(options);
  const rig = shared.get(key) ?? new Rig(options, { lasts: true });
  shared.set(key, rig);
  return { rig, agent: await rig.agent() };
}

export class Rig {
  readonly stateDir: string;
  readonly #root: string;
  readonly #options: Partial<RunKeeperOptions>;
  readonly #keeperPids = new Set<number>();
  readonly #workloadPids = new Set<number>();

  /** `options` are those of the keeper. It lasts until the end of the test. */
  constructor(options: Partial<RunKeeperOptions> = {}, { lasts = false, deep = false, below = tmpdir() } = {}) {
    this.#options = options;
    this.#root = mkdtempSync(join(below, 'locum-keeper-test-'));
    this.stateDir = deep ? join(this.#root, 'deep-'.repeat(20)) : this.#root;
    if (!lasts) rigs.push(this);
  }

  get command(): { command: readonly string[]; args: readonly string[] } {
    return { command: [process.execPath, runKeeperFile], args: ['--options', JSON.stringify(this.#options)] };
  }

  /** An agent at the keeper of this state directory, which is started if need be. */
  async agent(options: Pick<ConnectOptions, 'timeoutMs'> = {}): Promise<TestAgent> {
    const agent = new TestAgent(this);
    agent.connection = await ensureKeeper({ ...this.#connectOptions(agent), ...this.command, ...options });
    this.#keeperPids.add(agent.connection.opened.keeperPid);
    return agent;
  }

  /** An agent at the keeper that runs. */
  async attach(): Promise<TestAgent> {
    const agent = new TestAgent(this);
    agent.connection = await connectKeeper(this.#connectOptions(agent));
    return agent;
  }

  /** A second keeper on the same state directory, not waited for. */
  spawnAnother(): number {
    const { pid } = spawnKeeper(this.stateDir, this.command);
    if (pid === undefined) throw new Error('no keeper');
    this.#keeperPids.add(pid);
    return pid;
  }

  /** An agent in a process of its own, which holds one attempt of `run` by extending it. */
  async agentProcess(run: string, lease: { leaseMs: number; graceMs: number }, does: string) {
    const child = spawn(
      process.execPath,
      [runAgentFile, this.stateDir, run, String(lease.leaseMs), String(lease.graceMs), does],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.track(child.pid ?? 0);
    const [line] = await once(child.stdout, 'data');
    return { agentPid: child.pid ?? 0, pid: this.track(Number(line)) };
  }

  /** The keeper's own log. */
  log(): string {
    return readFileSync(join(this.stateDir, 'keeper.log'), 'utf8');
  }

  /** A file for a workload to leave a trace in. */
  file(name: string = randomUUID()): string {
    return join(this.stateDir, name);
  }

  /** A process that a test learnt of; it and its group are killed at the end whatever happens. */
  track(pid: number): number {
    if (pid > 1) this.#workloadPids.add(pid);
    return pid;
  }

  async dispose(): Promise<void> {
    for (const pid of this.#keeperPids) kill(pid, 'SIGKILL');
    await Promise.all(Array.from(this.#keeperPids, gone));
    for (const pid of this.#workloadPids) for (const target of [-pid, pid]) kill(target, 'SIGKILL');
    const memory = openRuntimeFolder(this.stateDir);
    const bases = readKeeperRecord(memory)?.cgroups ?? [];
    await sweepBases(bases, PATIENCE_MS);
    removeBases(bases);
    if (memory !== undefined) rmSync(memory.path, { recursive: true, force: true });
    for (const folder of [this.#root, `${this.stateDir}-users`]) {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  #connectOptions(agent: TestAgent): ConnectOptions {
    return { stateDir: this.stateDir, agentVersion: 'test', tell: (event) => agent.take(event) };
  }
}

/** An agent that remembers what it heard, and can wait for what it will hear. */
export class TestAgent {
  /** The run that is meant when none is named. */
  readonly job: string;
  readonly events: KeeperEvent[] = [];
  readonly #waiting = new Set<() => void>();
  #attached: KeeperConnection | undefined;

  readonly #rig: Rig;

  constructor(rig: Rig) {
    this.#rig = rig;
    agents += 1;
    this.job = `job-${agents}`;
  }

  get connection(): KeeperConnection {
    if (this.#attached === undefined) throw new Error('not attached');
    return this.#attached;
  }

  set connection(connection: KeeperConnection) {
    this.#attached = connection;
  }

  take(event: KeeperEvent): void {
    this.events.push(event);
    for (const look of this.#waiting) look();
  }

  /** The first event that is `wanted`, past or to come. */
  event<T>(what: string, wanted: (event: KeeperEvent) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`waited in vain for ${what}; heard ${this.events.map(describe).join(', ')}`));
      }, PATIENCE_MS);
      const look = (): void => {
        for (const event of this.events) {
          const found = wanted(event);
          if (found === undefined) continue;
          clearTimeout(timer);
          this.#waiting.delete(look);
          resolve(found);
          return;
        }
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** The attempt once it is in a state. */
  state(run: string, epoch: number, state: AttemptState): Promise<KeptAttempt> {
    return this.event(`${run}-${epoch} to be ${nameOf(state)}`, (event) => {
      if (event.kind !== 'changed') return undefined;
      const { status } = event.attempt;
      return status?.run === run && status.epoch === BigInt(epoch) && status.state === state
        ? event.attempt
        : undefined;
    });
  }

  /** How the attempt ended. */
  async end(run = this.job, epoch = 1) {
    const { status } = await this.state(run, epoch, AttemptState.ENDED);
    if (status?.end === undefined) throw new Error('an end without an end');
    return status.end;
  }

  start(options: StartOptions) {
    return this.connection.start(startRequest(options.run ?? this.job, options));
  }

  /** Starts what has to run. Answers with its process id. */
  async run(options: StartOptions): Promise<number> {
    const result = await this.start(options);
    if (!result.ok) throw new Error(`${result.reason}: ${result.detail}`);
    return this.#rig.track(result.pid);
  }

  extend(deadlineMs: number, run = this.job, epoch = 1) {
    return this.connection.extend({ extensions: [{ run, epoch: BigInt(epoch), deadline: deadlineIn(deadlineMs) }] });
  }

  stop(run = this.job, epoch = 1) {
    return this.connection.stop({ run, epoch: BigInt(epoch), reason: 'the test says so' });
  }

  forget(run = this.job, epoch = 1) {
    return this.connection.forget({ attempts: [{ run, epoch: BigInt(epoch) }] });
  }

  /** The whole output, once it has ended. */
  async output(run = this.job, epoch = 1): Promise<string> {
    return eventually('the end of the output', async () => {
      const read = await this.connection.read({ run, epoch: BigInt(epoch), offset: 0n, limit: 1_000_000 });
      return read.end ? Buffer.from(read.data).toString() : undefined;
    });
  }
}

/** Looks again and again, for what no event tells. */
export async function eventually<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > giveUpAt) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The content of a file that a workload writes, once it ends with a line. */
export function written(file: string): Promise<string> {
  return eventually(`${file} to be written`, () => {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    return text.endsWith('\n') ? text.trim() : undefined;
  });
}

/** Whether a process runs: it is there and no zombie. */
export function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Whether a SIGSTOP has taken effect. */
export function isStopped(pid: number): boolean {
  return /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

export function gone(pid: number): Promise<true> {
  return eventually(`process ${pid} to be gone`, () => (isRunning(pid) ? undefined : true));
}

export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already.
  }
}

function describe(event: KeeperEvent): string {
  if (event.kind !== 'changed') return event.kind;
  const { status } = event.attempt;
  return `${status?.run}-${status?.epoch} ${nameOf(status?.state)}`;
}

function nameOf(state: number | undefined): string {
  return Object.entries(AttemptState).find(([, value]) => value === state)?.[0] ?? 'unknown';
}

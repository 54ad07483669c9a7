/** A host for tests with real processes: a state directory, agents in it one after another, their keeper, and what it keeps. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { present } from '../../shared/assert.ts';
import { parseStat } from '../../shared/host/process-table.ts';

const PATIENCE_MS = 40_000;

export interface AgentProcess {
  readonly child: ChildProcess;
  /** What it wrote to its log so far. */
  readonly log: () => string;
  readonly exited: Promise<number | null>;
}

export class AgentHost {
  readonly folder = mkdtempSync(join(tmpdir(), 'locum-agent-'));
  readonly stateDir = join(this.folder, 'state');
  readonly #agents: AgentProcess[] = [];

  /** Starts an agent; `extra` lines go into its configuration file. */
  startAgent(controllers: readonly string[], extra: readonly string[] = []): AgentProcess {
    const config = join(this.folder, 'agent.yaml');
    const lines = ['server: host-1', `state_directory: ${this.stateDir}`, 'machine_id: machine-1', 'controllers:'];
    writeFileSync(config, [...lines, ...controllers.map((endpoint) => `  - ${endpoint}`), ...extra, ''].join('\n'));
    const program = join(import.meta.dirname, 'agent-program.ts');
    const child = spawn(process.execPath, [program, config], { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    const exited = once(child, 'exit').then(([code]: (number | null)[]) => code ?? null);
    const agent: AgentProcess = { child, log: () => log, exited };
    this.#agents.push(agent);
    return agent;
  }

  /** The agent that was started last. */
  get newest(): AgentProcess {
    return present(this.#agents.at(-1), 'an agent was started');
  }

  get keeperPid(): number {
    return Number.parseInt(readFileSync(join(this.stateDir, 'keeper.pid'), 'utf8'), 10);
  }

  /** Ends everything, for certain, and takes the folder away. */
  async close(): Promise<void> {
    for (const { child } of this.#agents) child.kill('SIGKILL');
    await Promise.all(this.#agents.map(({ exited }) => exited));
    if (existsSync(join(this.stateDir, 'keeper.pid'))) {
      signal(this.keeperPid, 'SIGCONT');
      // Without an agent that is the host's shutdown: it stops what it holds, and ends.
      signal(this.keeperPid, 'SIGTERM');
      signal(this.keeperPid, 'SIGTERM');
      await until(() => !isAlive(this.keeperPid), 'the keeper to end');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}

export function isAlive(pid: number): boolean {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.isZombie === false;
  } catch {
    return false;
  }
}

export async function until(done: () => boolean, what: string): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  while (!done()) {
    if (performance.now() > giveUpAt) throw new Error(`waited too long for ${what}`);
    await sleep(10);
  }
}

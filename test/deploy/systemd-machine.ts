/**
 * A machine with a real systemd, in namespaces: a copy-on-write view of this host whose changes are in memory. What is installed, enabled
 * or broken in it never reaches the host.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const NAMESPACES = ['--mount', '--pid', '--cgroup', '--net', '--uts', '--ipc'];
const BOOT_MS = 30_000;

export interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class SystemdMachine {
  readonly #folder: string;
  readonly #holder: ChildProcess;
  #said = '';

  private constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'locum-machine-'));
    const script = join(import.meta.dirname, 'boot-machine.sh');
    // Whatever ends us ends its first process, and with that all others.
    const words = [...NAMESPACES, '--fork', '--kill-child', 'sh', script, this.#folder];
    this.#holder = spawn('unshare', words, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#holder.stdout, this.#holder.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#said += chunk.toString()));
    }
    this.#holder.on('error', (error) => (this.#said += error.message));
  }

  /** The machine, or why this host can't have one. */
  static async boot(): Promise<SystemdMachine | string> {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'a machine with systemd needs Linux and root';
    const machine = new SystemdMachine();
    const deadline = performance.now() + BOOT_MS;
    while (machine.#holder.exitCode === null && performance.now() < deadline) {
      if (/^(?:running|degraded)$/m.test(machine.#tryRun('systemctl', 'is-system-running').stdout)) return machine;
      await sleep(200);
    }
    await machine.close();
    return `no machine with systemd: ${machine.#said.trim().split('\n').slice(-3).join('; ') || 'it did not come up'}`;
  }

  /** What systemd itself had to say. */
  get console(): string {
    return this.#said;
  }

  /** Runs a program in it. Throws with what it said unless it ends with 0. Returns its standard output. */
  run(...words: readonly string[]): string {
    const { status, stdout, stderr } = this.#tryRun(...words);
    if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status}:\n${stderr}${stdout}`);
    return stdout;
  }

  async close(): Promise<void> {
    const ended = once(this.#holder, 'exit');
    this.#holder.kill('SIGKILL');
    if (this.#holder.exitCode === null && this.#holder.signalCode === null && this.#holder.pid !== undefined)
      await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #tryRun(...words: readonly string[]): Said {
    const init = this.#init();
    if (init === undefined) return { status: null, stdout: '', stderr: 'it is not there yet' };
    const enter = ['--target', String(init), ...NAMESPACES.filter((one) => one !== '--mount'), '--mount', '--root'];
    const env = {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/root',
      NO_COLOR: '1',
      DEBIAN_FRONTEND: 'noninteractive',
    };
    return spawnSync('nsenter', [...enter, 'env', '-C', '/', ...words], { encoding: 'utf8', timeout: 120_000, env });
  }

  /** The process that is number 1 inside, as this host numbers it. */
  #init(): number | undefined {
    try {
      const children = readFileSync(`/proc/${this.#holder.pid}/task/${this.#holder.pid}/children`, 'utf8').trim();
      return children === '' ? undefined : Number.parseInt(children, 10);
    } catch {
      return undefined;
    }
  }
}

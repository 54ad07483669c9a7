/**
 * A machine with a real systemd, in namespaces: a copy-on-write view of this host whose changes are in memory. What is installed, enabled
 * or broken in it never reaches the host.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

const NAMESPACES = ['--mount', '--pid', '--cgroup', '--net', '--uts', '--ipc'];
const BOOT_MS = 30_000;
const SCRIPT_MS = 120_000;
const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  NO_COLOR: '1',
  DEBIAN_FRONTEND: 'noninteractive',
};

export interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class SystemdMachine {
  readonly #folder: string;
  readonly #holder: ChildProcess;
  #said = '';

  private constructor(name: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'locum-machine-'));
    const script = join(import.meta.dirname, 'boot-machine.sh');
    // Whatever ends us ends its first process, and with that all others.
    const words = [...NAMESPACES, '--fork', '--kill-child', 'sh', script, this.#folder, name];
    this.#holder = spawn('unshare', words, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#holder.stdout, this.#holder.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#said += chunk.toString()));
    }
    this.#holder.on('error', (error) => (this.#said += error.message));
  }

  /** The machine, or why this host can't have one. */
  static async boot(name: string): Promise<SystemdMachine | string> {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'a machine with systemd needs Linux and root';
    const machine = new SystemdMachine(name);
    const deadline = performance.now() + BOOT_MS;
    while (machine.#holder.exitCode === null && performance.now() < deadline) {
      if (/^(?:running|degraded)$/m.test(machine.#tryRun(['systemctl', 'is-system-running']).stdout)) return machine;
      await sleep(200);
    }
    await machine.close();
    return `no machine with systemd: ${machine.#said.trim().split('\n').slice(-3).join('; ') || 'it did not come up'}`;
  }

  /** Runs a program in it. Throws with what it said unless it ends with 0. Returns its standard output. */
  run(...words: readonly string[]): string {
    const { status, stdout, stderr } = this.#tryRun(words);
    if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status}:\n${stderr}${stdout}`);
    return stdout;
  }

  /** Copies a file of this host into its /root. */
  put(file: string): void {
    const { status, stderr } = this.#tryRun(['sh', '-c', `cat >"/root/${basename(file)}"`], readFileSync(file));
    if (status !== 0) throw new Error(stderr);
  }

  /** Runs a script of `sh` in /root, which ends at the first command that fails. */
  script(text: string): string {
    return this.run('sh', '-ec', `cd /root\n${text}`);
  }

  /** The same while others are at work. Rejects as `script` throws. */
  async play(text: string): Promise<string> {
    const [program = '', ...words] = this.#entering(['sh', '-ec', `cd /root\n${text}`]);
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], timeout: SCRIPT_MS, env: ENVIRONMENT });
    const [stdout, stderr, [status]] = await Promise.all([
      textOf(child.stdout),
      textOf(child.stderr),
      once(child, 'close'),
    ]);
    if (status !== 0) throw new Error(`ended with ${status}: ${text}\n${stderr}${stdout}`);
    return stdout;
  }

  /** Copies what is below a folder of this machine to where it belongs in `other`. */
  carry(folder: string, other: SystemdMachine): void {
    const packed = this.script(`tar -C '${folder}' -cf - . | base64 -w 0`);
    const { status, stderr } = other.#tryRun(
      ['tar', '-C', '/', '--no-overwrite-dir', '-xf', '-'],
      Buffer.from(packed, 'base64'),
    );
    if (status !== 0) throw new Error(stderr);
  }

  /** A cable from this machine's switch to `other`, which gets an address on it; both ends are theirs alone. */
  plug(other: SystemdMachine, address: string): void {
    const port = `port-${address.split('.').at(-1)}`;
    this.#ip(`link add ${port} type veth peer name eth0 netns ${other.#init()}`);
    this.#ip(`link set ${port} master switch up`);
    other.#ip(`address add ${address}/24 dev eth0`);
    other.#ip('link set eth0 up');
  }

  /** A switch that this machine is at itself. */
  addSwitch(address: string): void {
    this.#ip('link add switch type bridge forward_delay 0');
    this.#ip(`address add ${address}/24 dev switch`);
    this.#ip('link set switch up');
  }

  /** As at a power failure: nothing in it gets to do anything more. */
  async close(): Promise<void> {
    const ended = once(this.#holder, 'exit');
    this.#holder.kill('SIGKILL');
    if (this.#holder.exitCode === null && this.#holder.signalCode === null && this.#holder.pid !== undefined)
      await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** In its network, with our view of processes. */
  #ip(line: string): void {
    const words = [`--net=/proc/${this.#init()}/ns/net`, 'ip', ...line.split(' ')];
    const { status, stderr } = spawnSync('nsenter', words, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`ip ${line}: ${stderr}`);
  }

  #tryRun(words: readonly string[], input?: Buffer): Said {
    if (this.#init() === undefined) return { status: null, stdout: '', stderr: 'it is not there yet' };
    const [program = '', ...rest] = this.#entering(words);
    const options = { encoding: 'utf8', timeout: SCRIPT_MS, env: ENVIRONMENT } as const;
    return spawnSync(program, rest, input === undefined ? options : { ...options, input });
  }

  /** What runs these words in it. */
  #entering(words: readonly string[]): string[] {
    const enter = ['--target', String(this.#init()), ...NAMESPACES.filter((one) => one !== '--mount')];
    return ['nsenter', ...enter, '--mount', '--root', 'env', '-C', '/', ...words];
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

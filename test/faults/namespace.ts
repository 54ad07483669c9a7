/**
 * A network namespace, held open by a process that ends with us: so nothing of it is left, however we end, not even the end of a veth
 * pair that is elsewhere.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Why namespaces can't be made here; undefined when they can. */
export function networkObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a thing of Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const links = 'ip link add probe-a type veth peer name probe-b && ip link add probe-c type bridge';
  const probe = `ip link set lo up && ${links} && nsenter --version`;
  const { status, stderr, error } = spawnSync('unshare', ['--net', 'sh', '-c', probe], { encoding: 'utf8' });
  if (error !== undefined) return `no unshare: ${error.message}`;
  return status === 0 ? undefined : `no network namespaces (unshare, iproute2, veth, bridge): ${stderr.trim()}`;
}

function command(program: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
}

/** In our own namespace. */
export const ip = (line: string): void => command('ip', ...line.split(' '));

export class Namespace {
  readonly #holder: ChildProcess;

  constructor() {
    // It reads from us until we end.
    this.#holder = spawn('unshare', ['--net', 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] });
  }

  /** As `ip` takes it for `netns`. */
  get pid(): number | undefined {
    return this.#holder.pid;
  }

  /** Program and arguments that start what follows in it. */
  get enter(): readonly string[] {
    return ['nsenter', `--net=/proc/${this.pid}/ns/net`, '--'];
  }

  /** Its namespace is another one only after `unshare` got that far. */
  async ready(): Promise<void> {
    for (let tries = 0; tries < 1_000; tries += 1) {
      const words = readFileSync(`/proc/${this.pid}/cmdline`, 'utf8');
      if (words.startsWith('cat')) {
        this.ip('link set lo up');
        return;
      }
      await sleep(10);
    }
    throw new Error('no namespace for a host');
  }

  ip(line: string): void {
    const [program = '', ...args] = [...this.enter, 'ip', ...line.split(' ')];
    command(program, ...args);
  }

  /** The kernel removes it, and all links into it, once nothing runs in it any more. */
  close(): void {
    this.#holder.stdin?.end();
  }
}

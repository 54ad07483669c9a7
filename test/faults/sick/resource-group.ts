/** A cgroup of one controller, v1 or v2, for a sick host: its processes, and what limits them. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { UndoGuard } from './undo-guard.ts';

/** `unified`: none, just the v2 hierarchy itself. */
export type Controller = 'pids' | 'memory' | 'freezer' | 'unified';

/** Where cgroups of a controller can be made, below our own one. */
interface Place {
  readonly folder: string;
  readonly version: 1 | 2;
}

const NAMES = {
  1: { memory: 'memory.limit_in_bytes', memoryNow: 'memory.usage_in_bytes' },
  2: { memory: 'memory.max', memoryNow: 'memory.current' },
} as const;

function placeOf(controller: Controller): Place | undefined {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const own = readFileSync('/proc/self/cgroup', 'utf8').split('\n');
  for (const line of mounts) {
    const [, point, type, options] = /^\S+ \S+ \S+ \S+ (\S+) .* - (cgroup2?) \S+ (\S+)$/.exec(line) ?? [];
    if (point === undefined) continue;
    const version = type === 'cgroup2' ? 2 : 1;
    if (version === 1 && !options?.split(',').includes(controller)) continue;
    const entry = own.find((one) =>
      one
        .split(':')[1]
        ?.split(',')
        .includes(version === 1 ? controller : ''),
    );
    const folder = join(point, entry?.split(':')[2] ?? '');
    if (version === 1 || controller === 'unified' || isDelegated(folder, controller)) return { folder, version };
  }
  return undefined;
}

/** The freezer of v2 stops whole groups, and no single threads: it is of no use here. */
function isDelegated(folder: string, controller: Controller): boolean {
  const file = join(folder, 'cgroup.subtree_control');
  return existsSync(file) && readFileSync(file, 'utf8').split(/\s/).includes(controller);
}

/** Why there are none here. */
export function groupObstacle(controller: Controller): string | undefined {
  return placeOf(controller) === undefined ? `no cgroup controller for ${controller} below our own cgroup` : undefined;
}

export class ResourceGroup {
  readonly #folder: string;
  readonly #version: 1 | 2;

  constructor(controller: Controller, name: string, guard: UndoGuard) {
    const place = placeOf(controller);
    if (place === undefined) throw new Error(`no ${controller} controller`);
    this.#folder = join(place.folder, `locum-faults-${process.pid}-${name}`);
    this.#version = place.version;
    guard.defer({ kind: 'remove-group', folder: this.#folder });
    // With v2 alone, one folder is the group of all controllers.
    mkdirSync(this.#folder, { recursive: true });
  }

  /** Whoever writes its process id into it belongs to the group. */
  get membersFile(): string {
    return join(this.#folder, 'cgroup.procs');
  }

  /** Of a v1 freezer: a single thread. */
  addThread(thread: number): void {
    appendFileSync(join(this.#folder, 'tasks'), String(thread));
  }

  freeze(guard: UndoGuard): void {
    const file = join(this.#folder, 'freezer.state');
    guard.defer({ kind: 'write', file, text: 'THAWED' });
    writeFileSync(file, 'FROZEN');
  }

  thaw(): void {
    writeFileSync(join(this.#folder, 'freezer.state'), 'THAWED');
  }

  get processCount(): number {
    return Number(this.#read('pids.current'));
  }

  limitProcesses(limit: number | 'max'): void {
    writeFileSync(join(this.#folder, 'pids.max'), String(limit));
  }

  get memoryBytes(): number {
    return Number(this.#read(NAMES[this.#version].memoryNow));
  }

  limitMemory(limitBytes: number | 'max'): void {
    const none = this.#version === 1 ? '-1' : 'max';
    writeFileSync(join(this.#folder, NAMES[this.#version].memory), limitBytes === 'max' ? none : String(limitBytes));
  }

  #read(name: string): string {
    return readFileSync(join(this.#folder, name), 'utf8').trim();
  }
}

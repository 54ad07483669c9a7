/** One host of a sick world: its state directory, its service manager, its log, its limits, and what runs on it. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CLUSTER_MARK, clearProcesses, killProcess } from '../../../cli/dev/host-processes.ts';
import { present } from '../../../shared/assert.ts';
import { openRuntimeFolder } from '../../../shared/keeper/runtime-folder.ts';
import { LogPipe } from './log-pipe.ts';
import { type Controller, ResourceGroup } from './resource-group.ts';
import { Service } from './service.ts';
import type { Sickness } from './sickness.ts';
import { Ext4Disk, FuseDisk } from './state-disk.ts';
import type { UndoGuard } from './undo-guard.ts';

/** In the environment of our own programs on a host, and of none of the policies: its state directory. */
const HOST_MARK = 'LOCUM_FAULTS_HOST';
/** Joins the groups whose files come before `--`, and becomes what comes after it. */
const JOIN = 'while [ "$1" != -- ]; do echo $$ > "$1"; shift; done; shift; exec "$@"';

export interface SickHostOptions {
  readonly name: string;
  readonly sickness: Sickness;
  readonly dataDir: string;
  /** `host:port` that the agent dials. */
  readonly endpoint: string;
  /** Program and arguments that start what follows on this host. */
  readonly enter: readonly string[];
  readonly guard: UndoGuard;
}

export class SickHost {
  readonly name: string;
  readonly sickness: Sickness;
  readonly stateDir: string;
  readonly guard: UndoGuard;
  readonly #options: SickHostOptions;
  readonly #groups = new Map<Controller, ResourceGroup>();
  #disk: Ext4Disk | FuseDisk | undefined;
  #log: LogPipe | undefined;
  #agent: Service | undefined;

  constructor(options: SickHostOptions) {
    this.#options = options;
    this.name = options.name;
    this.sickness = options.sickness;
    this.guard = options.guard;
    this.stateDir = join(options.dataDir, options.name, 'state');
  }

  /** Before anything runs. */
  async prepare(): Promise<void> {
    const { sickness, guard, name } = this;
    const behind = join(this.#options.dataDir, 'behind');
    const memory = openRuntimeFolder(this.stateDir);
    if (memory !== undefined) guard.defer({ kind: 'remove', path: memory.path });
    const place = { mountPoint: dirname(this.stateDir), behind, guard };
    for (const controller of ['unified', ...(sickness.groups ?? [])] as const) {
      this.#groups.set(controller, new ResourceGroup(controller, name, guard));
    }
    if (sickness.disk === 'ext4') this.#disk = await Ext4Disk.make(place);
    if (sickness.disk === 'few-inodes') this.#disk = await Ext4Disk.withFewInodes(place);
    if (sickness.disk === 'fuse') this.#disk = await FuseDisk.make(place);
  }

  start(): void {
    const { dataDir, endpoint, enter } = this.#options;
    const own = ['--server', this.name, '--state-dir', this.stateDir, '--machine-id', `sick-${this.name}`];
    const program = join(import.meta.dirname, '../../../bin/locum.js');
    const argv = [...enter, process.execPath, program, 'agent', '--controllers', endpoint, ...own];
    const files = (['unified', 'pids', 'memory'] as const).flatMap((controller) => this.#groups.get(controller) ?? []);
    const logFile = join(dataDir, 'logs', `${this.name}.log`);
    const env = this.mark;
    this.#log ??= new LogPipe({ pipe: join(dataDir, 'behind', `${this.name}.log-pipe`), logFile, env });
    this.#agent = new Service({
      argv: [...joinGroups(files), ...argv],
      env: { ...env, [HOST_MARK]: this.stateDir },
      log: this.#log.writeEnd,
    });
    this.#agent.start();
  }

  get ext4(): Ext4Disk {
    if (this.#disk instanceof Ext4Disk) return this.#disk;
    throw new Error(`${this.name} has no ext4`);
  }

  get fuse(): FuseDisk {
    if (this.#disk instanceof FuseDisk) return this.#disk;
    throw new Error(`${this.name} has no FUSE`);
  }

  get log(): LogPipe {
    return present(this.#log, 'the host was started');
  }

  group(controller: Controller): ResourceGroup {
    return present(this.#groups.get(controller), 'the sickness names the groups that it needs');
  }

  /** Environment of whatever has to be cleared away with the host. */
  get mark(): NodeJS.ProcessEnv {
    return { ...process.env, [CLUSTER_MARK]: this.#options.dataDir };
  }

  /** Undefined: it is waiting for its next start. */
  get agentPid(): number | undefined {
    return this.#agent?.pid;
  }

  /** How the agent ended, each time that nobody asked it to. */
  get agentEnds(): readonly string[] {
    return this.#agent?.ends ?? [];
  }

  /** The keeper, and whatever else of ours outlives the agent: never a policy's process. */
  keeperPids(): readonly number[] {
    return ourProcesses(this.stateDir).filter((pid) => pid !== this.agentPid);
  }

  kill(pids: readonly (number | undefined)[], signal: NodeJS.Signals = 'SIGKILL'): void {
    for (const pid of pids) if (pid !== undefined) killProcess(pid, signal);
  }

  /** True: agent and keeper ended by themselves. */
  async stop(): Promise<boolean> {
    const ended = (await this.#agent?.stop('SIGTERM')) ?? true;
    this.kill(this.keeperPids(), 'SIGTERM');
    return ended;
  }

  /** As a reboot does: nothing of it runs any more, until it is started. */
  async killAll(): Promise<void> {
    await this.#agent?.stop('SIGKILL');
    this.kill(this.keeperPids());
    await clearProcesses(this.stateDir, { waitMs: 0 });
  }

  close(): void {
    this.#log?.close();
  }
}

/** Program and arguments that start what follows as a member of the groups. */
export const joinGroups = (groups: readonly ResourceGroup[]): readonly string[] => [
  ...['sh', '-c', JOIN, 'join', ...groups.map(({ membersFile }) => membersFile)],
  '--',
];

/** By what the kernel shows of their environments: nothing on a sick disk is read. */
function ourProcesses(stateDir: string): number[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => {
    try {
      const state = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '');
      const words = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      return !state.startsWith('Z') && words.includes(`${HOST_MARK}=${stateDir}`);
    } catch {
      return false;
    }
  });
}

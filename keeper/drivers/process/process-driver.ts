/** The driver of processes: each attempt is a process with everything it forks, in a cgroup of its own or else a process group. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { messageOf } from '../../../shared/caught-error.ts';
import { type CgroupPlace, cgroupTree, findCgroupPlace, makeCgroup } from '../../../shared/host/cgroup.ts';
import { attemptMarks, processGroupTree } from '../../../shared/host/process-group.ts';
import { processEntry } from '../../../shared/host/process-table.ts';
import type { Tree } from '../../../shared/host/tree.ts';
import type { HostProblem } from '../../../shared/host-problem.ts';
import { hostProblemOf } from '../../../shared/host-problem-of.ts';
import type { ResourceLimits } from '../../../shared/protocol/workload.ts';
import { type AttemptName, attemptNamed, keyOf, type TreePlace } from '../../core/attempt.ts';
import type { Left, StartRequest } from '../../core/event.ts';
import { type Refusal, refuse } from '../../core/refusal.ts';
import type { AttemptFolders } from '../../disk/attempt-folders.ts';
import type { OutputLog } from '../../output/output-log.ts';
import type { CheckAnswer, Driver, DriverEvents, Placed } from '../driver.ts';
import { baseFolder, proveCgroup, removeBases, sweepBases, tryCgroup, whyNoCgroup } from './cgroup-base.ts';
import { type Handed, handDownTried, NONE_HANDED } from './cgroup-controllers.ts';
import { memoryKillIn, writeLimits } from './cgroup-limits.ts';
import { beginCheck, type RunningCheck } from './check.ts';
import { type Gate, openGate } from './gate.ts';
import { type LaunchPlan, planBeside, planLaunch } from './launch-plan.ts';
import type { OutputPipe, PipeMaker } from './output-pipe.ts';
import { SecretReader } from './secrets.ts';
import { spawnRefusal } from './spawn-refusal.ts';

/** Descriptors that a start takes, with room for what else happens. */
const DESCRIPTORS = 16;
/** Health checks at once; an agent asks for fewer. */
const MAX_CHECKS = 64;
/** With less memory than this, a start would be the next thing that the kernel kills. */
const MEMORY_FLOOR_KIB = 16 * 1024;

export interface ProcessDriverOptions {
  /** Names the state directory, in cgroups and in the environment of workloads. */
  readonly key: string;
  /** Folders, below the cgroup2 mount, that earlier keepers of this state directory kept their cgroups in. */
  readonly earlierBases: ReadonlySet<string>;
  /** Absolute paths of more of them, of keepers that no journal knows. */
  readonly unrecordedFolders: readonly string[];
  /** `process-group` does not even look for cgroups: for tests, and for hosts where cgroups are somebody else's. */
  readonly strongest: 'cgroup' | 'process-group';
  readonly pipes: PipeMaker;
  readonly folders: AttemptFolders;
}

/** A first process that this keeper made. */
interface Held {
  gate: Gate | undefined;
  output: OutputLog | undefined;
  /** It is not wanted any more: what is still being made is killed when it is made. */
  discarded: boolean;
  /** What runs there, and so how a check beside it is run. Undefined: it stands at no gate yet. */
  plan: LaunchPlan | undefined;
  check: RunningCheck | undefined;
}

export class ProcessDriver implements Driver {
  readonly kind: 'cgroup' | 'process-group';
  readonly weakness: string;
  /** Folder below the mount in which it keeps its cgroups. Empty: none. */
  readonly base: string;
  readonly #options: ProcessDriverOptions;
  readonly #events: DriverEvents;
  readonly #mount: string;
  readonly #handed: Handed;
  readonly #held = new Map<string, Held>();
  readonly #secrets = new SecretReader();
  /** Under way. */
  #checks = 0;
  /** Trees by key; of a process group, with what it has found out so far. */
  readonly #trees = new Map<string, Tree>();

  /** The strongest that this host and user allow, by trying it. */
  static async open(options: ProcessDriverOptions, events: DriverEvents): Promise<ProcessDriver> {
    const place = findCgroupPlace();
    const weakness = options.strongest === 'cgroup' ? await whyNoCgroup(place, options.key) : 'not wanted';
    if (place === undefined || weakness !== '') return new ProcessDriver(options, events, place, weakness, NONE_HANDED);
    const handed = await handDownTried(place, join(place.mount, baseFolder(place, options.key)));
    return new ProcessDriver(options, events, place, weakness, handed);
  }

  private constructor(
    options: ProcessDriverOptions,
    events: DriverEvents,
    place: CgroupPlace | undefined,
    weakness: string,
    handed: Handed,
  ) {
    this.#options = options;
    this.#handed = handed;
    this.#events = events;
    this.#mount = place?.mount ?? '';
    this.weakness = weakness;
    this.kind = place !== undefined && weakness === '' ? 'cgroup' : 'process-group';
    this.base = place !== undefined && this.kind === 'cgroup' ? baseFolder(place, options.key) : '';
  }

  get features(): readonly string[] {
    return ['env_from', ...this.#handed.controllers.map((controller) => `resources.${controller}`)];
  }

  get limitsWeakness(): string {
    return this.#handed.weakness;
  }

  /** Absolute paths of the folders of this keeper's cgroups and of earlier ones'. */
  get cgroupFolders(): readonly string[] {
    if (this.#mount === '') return [];
    const bases = new Set([...this.#options.earlierBases, this.base]);
    const folders = [...bases].filter((base) => base !== '').map((base) => join(this.#mount, base));
    return [...new Set([...folders, ...this.#options.unrecordedFolders])];
  }

  async prepare(start: StartRequest): Promise<TreePlace | Refusal> {
    const held: Held = { gate: undefined, output: undefined, discarded: false, plan: undefined, check: undefined };
    this.#held.set(keyOf(start), held);
    try {
      const plan = await planLaunch(start, {
        ...{ ...this.#options, secrets: this.#secrets, controllers: this.#handed.controllers },
      });
      return plan.kind === 'refusal' ? plan : await this.#makeProcess(start, held, plan);
    } catch (error) {
      return spawnRefusal(error);
    }
  }

  async #makeProcess(start: StartRequest, held: Held, plan: LaunchPlan): Promise<TreePlace | Refusal> {
    const cgroup = this.base === '' ? '' : join(this.base, keyOf(start));
    const directory = join(this.#mount, cgroup);
    if (cgroup !== '') {
      try {
        makeCgroup(directory);
      } catch (error) {
        return refuse('NO_CGROUP', String(error));
      }
      const problem = plan.limits && whyNotLimited(directory, plan.limits);
      if (problem !== undefined) return refuse('LIMITS_UNAVAILABLE', problem);
    }
    const pipe = await this.#options.pipes.take();
    try {
      held.output = await this.#options.folders.keepOutput(start, pipe.reader);
      // Between this look and the spawn nothing waits.
      if (!held.discarded) held.gate = await openGate(plan, cgroup === '' ? '' : directory, pipe.writeFd);
    } finally {
      closeUnused(held, pipe);
    }
    return held.gate === undefined
      ? refuse('STOPPED', 'it is not wanted any more')
      : this.#atGate(start, held.gate, plan, cgroup);
  }

  async #atGate(start: StartRequest, gate: Gate, plan: LaunchPlan, cgroup: string): Promise<TreePlace | Refusal> {
    const ready = await gate.ready;
    // A shell that died says more by its last word than by its end.
    if (ready !== true) return ready;
    void gate.ended.then((exit) => {
      this.#held.get(keyOf(start))?.check?.kill();
      this.#events.reaped(start, exit);
    });
    const held = this.#held.get(keyOf(start));
    if (held !== undefined) held.plan = plan;
    if (held?.discarded === true) gate.kill();
    try {
      return { pid: gate.pid, startTicks: processEntry(gate.pid)?.startTicks ?? 0, cgroup };
    } catch (error) {
      gate.kill();
      throw error;
    }
  }

  openGate(attempt: AttemptName): void {
    this.#held.get(keyOf(attempt))?.gate?.go();
  }

  discard(attempt: AttemptName): void {
    const held = this.#held.get(keyOf(attempt));
    if (held === undefined) return;
    held.discarded = true;
    held.gate?.kill();
    if (this.base === '') return;
    const tree = cgroupTree(join(this.#mount, this.base, keyOf(attempt)));
    // Only our shell can be in it. What of it stays behind for now is taken away with the folder.
    if (held.gate !== undefined) attemptTo(() => tree.kill());
  }

  terminate(attempt: Placed): void {
    this.#treeOf(attempt).terminate();
  }

  kill(attempt: Placed): void {
    // Both, each by itself: the gate's own kill needs no cgroup.
    this.#held.get(keyOf(attempt))?.gate?.kill();
    this.#treeOf(attempt).kill();
  }

  isEmpty(attempt: Placed): boolean {
    return this.#treeOf(attempt).isEmpty();
  }

  memoryKill({ place }: Placed): string | undefined {
    return place.cgroup === '' || this.#mount === '' ? undefined : memoryKillIn(join(this.#mount, place.cgroup));
  }

  async check(attempt: AttemptName, argv: readonly string[], limitMs: number): Promise<CheckAnswer> {
    const held = this.#held.get(keyOf(attempt));
    if (held?.plan === undefined) return { ok: false, reason: 'NOT_RUNNING', detail: 'it does not run here' };
    if (held.check !== undefined || this.#checks >= MAX_CHECKS)
      return { ok: false, reason: 'TOO_MANY', detail: 'as many checks as may be are under way' };
    const cgroup = this.base === '' ? '' : join(this.#mount, this.base, keyOf(attempt));
    const check = beginCheck(planBeside(held.plan, argv), cgroup, limitMs);
    held.check = check;
    this.#checks += 1;
    try {
      return await check.answer;
    } finally {
      held.check = undefined;
      this.#checks -= 1;
    }
  }

  remove(attempt: Placed): void {
    const key = keyOf(attempt);
    const held = this.#held.get(key);
    const cgroup = attempt.place.cgroup || (this.base === '' ? '' : join(this.base, key));
    if (cgroup !== '' && this.#mount !== '') this.#removeCgroup(join(this.#mount, cgroup), held?.gate?.ended);
    this.#trees.delete(key);
    this.#held.delete(key);
    held?.output?.finish();
  }

  /** A shell that was killed at its gate may need a moment to be gone. */
  #removeCgroup(directory: string, ended: Promise<unknown> | undefined): void {
    const tree = cgroupTree(directory);
    if (attemptTo(() => tree.remove())) return;
    void ended?.then(() => attemptTo(() => tree.remove()));
  }

  #treeOf(attempt: Placed): Tree {
    const key = keyOf(attempt);
    const known = this.#trees.get(key);
    if (known !== undefined) return known;
    const { place } = attempt;
    const tree =
      place.cgroup === '' || this.#mount === ''
        ? processGroupTree(place, attemptMarks(attempt, this.#options.key))
        : cgroupTree(join(this.#mount, place.cgroup));
    this.#trees.set(key, tree);
    return tree;
  }

  async sweep(limitMs: number): Promise<readonly Left[]> {
    const left = await sweepBases(this.cgroupFolders, limitMs);
    return left.flatMap((directory) => {
      const ref = attemptNamed(basename(directory));
      return ref === undefined ? [] : [{ ...ref, cgroup: join('/', relative(this.#mount, directory)) }];
    });
  }

  proveHands(): string | undefined {
    if (this.base !== '') return proveCgroup(join(this.#mount, this.base));
    try {
      return processEntry(process.pid) === undefined ? '/proc does not show this process' : undefined;
    } catch (error) {
      return `/proc can't be read: ${messageOf(error)}`;
    }
  }

  async trial(): Promise<readonly HostProblem[]> {
    const problems = [descriptorProblem(), memoryProblem(), await this.#spawnProblem()];
    return problems.filter((problem) => problem !== undefined);
  }

  async #spawnProblem(): Promise<HostProblem | undefined> {
    const none = { candidates: ['/bin/true', '/usr/bin/true'], args: [], env: {}, workingDirectory: '/' };
    try {
      const gate = await openGate({ kind: 'plan', wanted: 'true', user: undefined, ...none }, '', 2);
      const ready = await gate.ready;
      gate.kill();
      if (ready !== true) return { kind: 'OTHER', detail: `a trial start failed: ${ready.detail}` };
    } catch (error) {
      return hostProblemOf(error) ?? { kind: 'OTHER', detail: `a trial start failed: ${String(error)}` };
    }
    const cgroup = this.base === '' ? undefined : await tryCgroup(join(this.#mount, this.base));
    return cgroup === undefined ? undefined : { kind: 'NO_CGROUP', detail: cgroup };
  }

  close(): void {
    removeBases(this.cgroupFolders);
    if (this.#handed.isAside) this.#handed.undo();
  }
}

function whyNotLimited(cgroup: string, limits: ResourceLimits): string | undefined {
  try {
    writeLimits(cgroup, limits);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** The workload has its own hold on the pipe by now, or never will. */
function closeUnused(held: Held, pipe: OutputPipe): void {
  pipe.closeWriteEnd();
  if (held.output === undefined) pipe.reader.destroy();
}

function attemptTo(act: () => void): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}

function descriptorProblem(): HostProblem | undefined {
  const opened: number[] = [];
  try {
    while (opened.length < DESCRIPTORS) opened.push(openSync('/dev/null', 'r'));
    return undefined;
  } catch (error) {
    return hostProblemOf(error);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

function memoryProblem(): HostProblem | undefined {
  try {
    const left = Number(/^MemAvailable:\s*(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? Number.NaN);
    return left < MEMORY_FLOOR_KIB ? { kind: 'NO_MEMORY', detail: `${left} KiB of memory are left` } : undefined;
  } catch {
    return undefined;
  }
}

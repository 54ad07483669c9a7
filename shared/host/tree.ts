/**
 * How the processes of an attempt are held together, so that "stopped" can be proven for all of them and not only for the first.
 *
 * With cgroup v2 nothing escapes. Without it there is the process group, its session, and the environment that children
 * inherit; a process that leaves all three is lost, and the server says so as a weaker capability.
 */

/** The processes of one attempt, whatever they fork, as long as what holds them holds. Nothing here waits. */
export interface Tree {
  /** SIGTERM to every process, and SIGCONT, without which a stopped one would not hear it. */
  terminate(): void;
  /** SIGKILL to every process, also stopped and frozen ones. */
  kill(): void;
  /**
   * True only when it is proven. Proof of emptiness only together with the reaping of the first process: just after its spawn it has
   * not joined yet.
   */
  isEmpty(): boolean;
  /** Takes away what an empty tree leaves behind. */
  remove(): void;
}

/** What identifies the first process of a tree, also to a later keeper. */
export interface FirstProcess {
  readonly pid: number;
  /** Clock ticks since boot, as in `/proc/<pid>/stat`: tells it from a later process with the same id. */
  readonly startTicks: number;
}

/** Which attempt a tree belongs to. */
export interface TreeName {
  readonly run: string;
  readonly epoch: number;
}

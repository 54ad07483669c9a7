/**
 * How the processes of an attempt are held together, so that "stopped" can be proven for all of them and not only for the first.
 *
 * With cgroup v2 nothing escapes. Without it there is the process group, its session, and the environment that children
 * inherit; a process that leaves all three is lost, and the server says so as a weaker capability.
 */

/** The processes of one attempt, whatever they fork, as long as their containment holds them. */
export interface Tree {
  /** Path of the cgroup below the cgroup2 mount. Empty: a process group. */
  readonly cgroup: string;
  /** SIGTERM to every process, and SIGCONT, without which a stopped one would not hear it. */
  terminate(): Promise<void>;
  /** SIGKILL to every process, also stopped and frozen ones. */
  kill(): Promise<void>;
  /** Proof of emptiness only together with the reaping of the first process: just after its spawn it has not joined yet. */
  isEmpty(): Promise<boolean>;
  /** Calls when the tree may have become empty; a net of polling is the caller's. The answer ends the watch. */
  watch(onChange: () => void): () => void;
  /** Takes away what an empty tree leaves behind. */
  remove(): Promise<void>;
}

/** What identifies the first process of a tree, also to a later keeper. */
export interface FirstProcess {
  readonly pid: number;
  /** Clock ticks since boot, as in `/proc/<pid>/stat`: tells it from a later process with the same id. */
  readonly startTicks: number;
}

/** A tree that is still to get its first process. */
export interface NewTree {
  /** Shell code by which the first process joins, with `$0` as its place. Empty: nothing to join. */
  readonly join: string;
  readonly place: string;
  /** The tree, once its first process has joined. */
  holding(first: FirstProcess): Tree;
  /** Takes it away when no process was made. */
  discard(): Promise<void>;
}

/** Which attempt a tree belongs to. */
export interface TreeName {
  readonly run: string;
  readonly epoch: number;
}

export interface Containment {
  readonly kind: 'cgroup' | 'process-group';
  /** Why it is not the stronger kind. Empty: it is. */
  readonly weakness: string;
  create(name: TreeName): Promise<NewTree>;
  /** The tree of an attempt that an earlier keeper started. */
  reopen(name: TreeName, cgroup: string, first: FirstProcess): Tree;
  /** Kills what an earlier keeper left and no record names. Answers when it is empty, or after `limitMs`. */
  sweep(limitMs: number): Promise<void>;
  /** Takes away what is left of itself when the keeper ends. */
  close(): Promise<void>;
}

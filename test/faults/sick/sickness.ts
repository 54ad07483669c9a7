/** What a sickness of a host is. The kinds are in `disk-sicknesses.ts`, `limit-sicknesses.ts` and `process-sicknesses.ts`. */
import type { Controller } from './resource-group.ts';
import type { SickHost } from './sick-host.ts';

/** What the sickness alone, with a controller that is heard all the time, may do to what runs on the host. */
export type Toll =
  /** Nothing. */
  | 'none'
  /** The lease may end, and nothing before that. */
  | 'lease'
  /** What a keeper keeps dies with it; it is placed again. */
  | 'keeper';

export interface Sickness {
  readonly name: string;
  /** Why this machine can't show it. Default: it can. */
  readonly obstacle?: () => string | undefined;
  /** The file system of the state directory. Default: a folder of the one that everything is on. */
  readonly disk?: 'ext4' | 'few-inodes' | 'fuse';
  /** Cgroups for agent, keeper and all that they start. */
  readonly groups?: readonly Controller[];
  readonly toll: Toll;
  /** Its agent is killed, or may be. Default: it lives through it. */
  readonly agentEnds?: true;
  /** The host refuses new starts while it lasts; its server leaves the available list. */
  readonly refusesStarts: boolean;
  /** A start that was sent to it may wait until it is well: nobody can tell what became of it. Default: never. */
  readonly startsMayHang?: true;
  readonly inflict: (host: SickHost) => void | Promise<void>;
  /** Default: it passes by itself. */
  readonly lift?: (host: SickHost) => void | Promise<void>;
}

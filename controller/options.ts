import type { Logger } from '../shared/log.ts';
import type { ControllerSettings } from './config/config.ts';
import type { ShownSetting } from './diagnostics.ts';

export interface ControllerOptions extends ControllerSettings {
  /** Version of the program, shown in the status. */
  readonly version: string;
  readonly log: Logger;
  /**
   * A defect of ours, or a store that broke for good: nothing more is decided. The store has everything that was acknowledged, so
   * the process should end and be started again. Default: log and exit with code 1.
   */
  readonly fail?: (error: unknown) => void;
  /** The configuration in force, without secrets, for diagnostics. Default: nothing is told of it. */
  readonly shownSettings?: () => readonly ShownSetting[];
  /** Gives up starting. Default: never. */
  readonly signal?: AbortSignal;
}

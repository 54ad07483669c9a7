/** How a controller ends that met what it can't go on with. */
import type { Logger } from '../shared/log.ts';
import { StoreError } from './store/store.ts';

/** Ends this process. Whoever started it starts it again, and the store has what was acknowledged. */
export function exitWith(log: Logger, error: unknown): void {
  if (error instanceof StoreError)
    log.fatal({ reason: error.reason }, `the controller can not go on: ${error.message}`);
  else log.fatal({ err: error }, 'the controller can not go on; the store has everything that was acknowledged');
  log.flush();
  process.exit(1);
}

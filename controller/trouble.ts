/**
 * What is not as it should be beside what the core knows of: the store, and other controllers. With what the audit's sinks and the hooks say
 * of themselves it is in the status and in the metrics, which tell the same.
 */
import { count } from '../shared/count.ts';
import type { Deviation } from './core/views.ts';
import type { StoreStatus } from './engine/store-status.ts';
import { adviceFor } from './leadership/leader-term.ts';

/** A commit takes milliseconds; past this, what people and agents wait for is the store. */
const SLOW_MS = 2_000;

/** `status` undefined: nobody leads here. */
export const troubleBeside = (
  status: StoreStatus | undefined,
  gone: readonly GoneController[],
  nowWall: number,
): readonly Deviation[] => [...storeTrouble(status, nowWall), ...goneControllers(gone, nowWall)];

export function storeTrouble(status: StoreStatus | undefined, nowWall: number): readonly Deviation[] {
  const { trouble, waitingRecords = 0, waitingMs = 0 } = status ?? {};
  const more = {
    resource: 'cluster',
    sinceWall: nowWall - waitingMs,
    etaWall: undefined,
    command: 'locum controllers',
  };
  const waits = `${count(waitingRecords, 'record')} wait for it`;
  if (trouble !== undefined) {
    const message = `the store takes no writes, ${waits}: ${trouble.detail}: ${adviceFor(trouble)}`;
    return [{ ...more, reason: 'STORE_REFUSES', message }];
  }
  if (waitingMs < SLOW_MS) return [];
  return [{ ...more, reason: 'STORE_SLOW', message: `the store has not answered a commit for so long, ${waits}` }];
}

export interface GoneController {
  readonly id: string;
  readonly agoMs: number;
}

export const goneControllers = (gone: readonly GoneController[], nowWall: number): readonly Deviation[] =>
  gone.map(({ id, agoMs }) => ({
    ...{ resource: `controllers/${id}`, reason: 'CONTROLLER_GONE', command: 'locum controllers' },
    message: `it was last seen ${Math.round(agoMs / 1000)} s ago; start it again, or let it be: this is told for a day`,
    sinceWall: nowWall - agoMs,
    etaWall: undefined,
  }));

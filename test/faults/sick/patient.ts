/** A host that falls sick, what it had then, and what is found out about it. */
import { OnDisconnect } from '../../../shared/gen/locum/v1/policy_pb.ts';
import type { SickHost } from './sick-host.ts';
import type { Outcome } from './sick-report.ts';

/** One policy of each is on every host, the standby second in its list. */
export const KINDS = { stop: OnDisconnect.STOP, hold: OnDisconnect.HOLD, overlap: OnDisconnect.OVERLAP } as const;
export type Kind = keyof typeof KINDS;
export const KIND_NAMES = ['stop', 'hold', 'overlap'] as const satisfies readonly Kind[];

/** A run, and the process that it had. */
export interface Placed {
  readonly run: string;
  readonly epoch: bigint;
}

export interface Patient {
  readonly host: SickHost;
  readonly outcome: Outcome;
  readonly placed: ReadonlyMap<Kind, Placed>;
  /** When it fell sick, by the clock of the witnesses. */
  struckMs: number;
  /** It left the available list while it was sick. */
  wasUnavailable: boolean;
  /** What this machine took to start an agent that does nothing, after this one's was killed. Undefined: none was killed. */
  startFloorMs?: number;
  /** From applying a new policy until it ran. Undefined: it did not. */
  freshMs?: number;
}

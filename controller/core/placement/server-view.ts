/** A server as placement looks at it, and its slots in words. */
import type { Capability } from '../../../shared/protocol/capability.ts';
import type { Intent, Liveness } from '../records/state.ts';
import type { GateView } from './gate-view.ts';

export interface ServerView {
  readonly liveness: Liveness;
  readonly intent: Intent;
  readonly load: 'AVAILABLE' | 'SATURATED';
  readonly deleting: boolean;
  /** An agent stream is open: a start could be sent. */
  readonly connected: boolean;
  /** A start is under way there. */
  readonly isBusy: boolean;
  /** Whether the controller gives it new runs, and why not. OPEN also while it is on trial and may be tried. */
  readonly gate: { readonly kind: 'OPEN' } | Omit<Extract<GateView, { readonly why: string }>, 'sinceWall'>;
  /** Slots of attempts not proven ended. */
  readonly usedSlots: number;
  /** Slots kept for moves. */
  readonly reservedSlots: number;
  /** The effective limit: the smaller of the operator's and the agent's. */
  readonly maxSlots: number;
  readonly capabilities: readonly Capability[];
}

/** What stands for a server that is not registered. */
export const UNREGISTERED: ServerView = {
  liveness: 'LEFT',
  intent: 'ACTIVE',
  load: 'AVAILABLE',
  deleting: false,
  connected: false,
  isBusy: false,
  gate: { kind: 'OPEN' },
  usedSlots: 0,
  reservedSlots: 0,
  maxSlots: 0,
  capabilities: [],
};

export const freeSlotsOf = ({ maxSlots, usedSlots, reservedSlots }: ServerView): number =>
  maxSlots - usedSlots - reservedSlots;

/** `2 of 50 slots used, 1 reserved`. */
export function usedText({ maxSlots, usedSlots, reservedSlots }: ServerView): string {
  const reserved = reservedSlots === 0 ? '' : `, ${reservedSlots} reserved`;
  return `${usedSlots} of ${slotsOf(maxSlots)} used${reserved}`;
}

/** `1 slot`, `50 slots`. */
export const slotsOf = (count: number): string => (count === 1 ? '1 slot' : `${count} slots`);

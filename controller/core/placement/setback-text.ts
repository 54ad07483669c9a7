/** What became of a run where it was last, for people: each reason why a run is placed again, in words that stand in a sentence. */
import { MINUTE, SECOND } from '../../../shared/time.ts';
import type { RunReason } from '../records/run-reason.ts';
import type { Skip } from '../records/skip.ts';

/** Why a run is placed again. */
export type AgainReason = Extract<
  RunReason,
  | 'BACKOFF'
  | 'CAPABILITY_LOST'
  | 'DRAINED'
  | 'FAILED_HERE'
  | 'FAILED_ONCE'
  | 'HOST_REBOOTED'
  | 'LAPSED'
  | 'MOVING'
  | 'NOT_SENT'
  | 'REFUSED'
  | 'RESTARTING'
  | 'RUN_MISSING'
  | 'SERVER_MISSING'
  | 'START_EXPIRED'
  | 'START_LOST'
  | 'START_UNANSWERED'
  | 'STOPPED_BY_HOST'
  | 'UNHEALTHY'
>;

/** `where`: "there", or "on web-1". */
const WORDS: Readonly<Record<AgainReason, (where: string) => string>> = {
  BACKOFF: () => 'it failed on every server that may take it',
  CAPABILITY_LOST: (where) => `what it requires was lost ${where}`,
  DRAINED: (where) => `it was drained ${where}`,
  FAILED_HERE: (where) => `it failed ${where} and was given up there`,
  FAILED_ONCE: (where) => `it failed ${where}`,
  HOST_REBOOTED: (where) => `it was cut short ${where} by a boot of the host`,
  LAPSED: (where) => `its lease ${where} ended`,
  MOVING: () => 'it is being moved',
  NOT_SENT: (where) => `its start ${where} was never sent`,
  REFUSED: (where) => `its start ${where} was refused`,
  RESTARTING: (where) => `it ended ${where}`,
  RUN_MISSING: (where) => `it was lost ${where}`,
  SERVER_MISSING: (where) => `it was given up ${where}`,
  START_EXPIRED: (where) => `its start ${where} came too late`,
  START_LOST: (where) => `its start ${where} was lost on the way`,
  START_UNANSWERED: (where) => `its start ${where} was not answered`,
  STOPPED_BY_HOST: (where) => `it was stopped ${where} by the host`,
  UNHEALTHY: (where) => `it was unhealthy ${where}`,
};

const isAgain = (reason: RunReason): reason is AgainReason => Object.hasOwn(WORDS, reason);

/** Undefined where the reason is none of these. */
export const happened = (reason: RunReason, where: string): string | undefined =>
  isAgain(reason) ? WORDS[reason](where) : undefined;

/** `its start there was refused`: why a run avoids a server. */
export const whyAvoided = ({ reason }: Skip): string =>
  happened(reason, 'there') ?? `it came to nothing there (${reason})`;

/** `12 s`, `4 min`: rounded up, so that it is over by then. */
export function roughly(ms: number): string {
  return ms < 2 * MINUTE ? `${Math.max(0, Math.ceil(ms / SECOND))} s` : `${Math.ceil(ms / MINUTE)} min`;
}

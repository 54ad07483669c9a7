/** That the certificates of a server are not good any more, as it is kept. Whoever joins anew gets one that is valid from later on. */
import type { ServerId } from '../../../shared/ids.ts';

/** Replaced whole, never changed. */
export interface Revocation {
  readonly kind: 'revocation';
  readonly server: ServerId;
  /** Certificates that are valid from before this time are refused: those that were made up to now. A whole second, as certificates have it. */
  readonly beforeWall: number;
  /** Who revoked them, in the words of the event log. */
  readonly creator: string;
  /** Why, as he wrote it. */
  readonly reason: string;
  /** With the deletion of the server. */
  readonly deleted: boolean;
}

const SECOND_MS = 1_000;

/** The first full second after a moment: whatever was valid up to it is valid from earlier. */
export const nextSecond = (wall: number): number => Math.floor(wall / SECOND_MS + 1) * SECOND_MS;

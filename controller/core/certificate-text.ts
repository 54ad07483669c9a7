/** What is said of a certificate that nears its end. */
import type { HeldCertificate } from '../../shared/protocol/agent-message.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../shared/time.ts';

interface Telling {
  readonly nowWall: number;
  /** What is said where nobody said why. */
  readonly silence: string;
  /** Default: its. */
  readonly whose?: string;
}

/** `its certificate ends in 4 d and was not renewed: …`. */
export function certificateText(
  { notAfterWall, renewalProblem }: HeldCertificate,
  { nowWall, silence, whose = 'its' }: Telling,
): string {
  const leftMs = notAfterWall - nowWall;
  const when = leftMs <= 0 ? `has been over for ${spanOf(-leftMs)}` : `ends in ${spanOf(leftMs)}`;
  const why = renewalProblem === '' ? silence : renewalProblem;
  return `${whose} certificate ${when} and was not renewed: ${why}`;
}

/** Rounded down, so that what is left is not told too long. */
function spanOf(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < 2 * HOUR) return `${Math.floor(ms / MINUTE)} min`;
  return ms < 2 * DAY ? `${Math.floor(ms / HOUR)} h` : `${Math.floor(ms / DAY)} d`;
}

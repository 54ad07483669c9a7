/** From when until when a certificate counts, how long that is, and when somebody should look at one that was not renewed. Pure: time is an argument. */
import { MINUTE, SECOND } from './time.ts';

/** Unix milliseconds, by which certificates count. */
export interface CertificateLife {
  readonly notBeforeWall: number;
  readonly notAfterWall: number;
}

/**
 * The part of its life after which a certificate that is still in use is a problem. Agents renew at two thirds to three quarters,
 * controllers at a third: by now it has failed many times.
 */
const LATE = 5 / 6;

export const lifeMs = ({ notBeforeWall, notAfterWall }: CertificateLife): number =>
  Math.max(1, notAfterWall - notBeforeWall);

/** Since when it should have been renewed. */
export const lateFromWall = (life: CertificateLife): number => life.notBeforeWall + LATE * lifeMs(life);

/** FRESH: nothing is to be done yet, or it is being renewed. LATE: somebody should look. OVER: its holder is not let in any more. */
export type CertificateCondition = 'FRESH' | 'LATE' | 'OVER';
export const CERTIFICATE_CONDITIONS = ['FRESH', 'LATE', 'OVER'] as const satisfies readonly CertificateCondition[];

export function conditionAt(life: CertificateLife, nowWall: number): CertificateCondition {
  if (nowWall >= life.notAfterWall) return 'OVER';
  return nowWall < lateFromWall(life) ? 'FRESH' : 'LATE';
}

/** Clocks of hosts differ: a certificate counts from a little before it was made. */
export const BACKDATED_MS = 5 * MINUTE;

/**
 * From when until when one counts that is made `nowWall`. `validFromWall`: what counts from earlier is revoked; undefined: nothing is.
 * `endWall`: nothing of its authority lasts longer. Certificates have whole seconds.
 */
export function lifeFrom({
  nowWall,
  lifeMs: ms,
  validFromWall = 0,
  endWall,
}: {
  readonly nowWall: number;
  readonly lifeMs: number;
  readonly validFromWall?: number | undefined;
  readonly endWall: number;
}): CertificateLife {
  return {
    notBeforeWall: wholeSecond(Math.max(nowWall - Math.min(BACKDATED_MS, ms / 10), validFromWall)),
    notAfterWall: wholeSecond(Math.min(nowWall + ms, endWall)),
  };
}

const wholeSecond = (wall: number): number => Math.floor(wall / SECOND) * SECOND;

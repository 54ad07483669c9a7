/** How long a certificate lasts, and when somebody should look at one that was not renewed. Pure: time is an argument. */

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

/**
 * When a controller renews its own certificate. It signs that itself, so there is nobody to spare, and it is looked often: a certificate
 * that was made while the clock of the host was wrong, as at a boot before NTP, is valid for nobody once the clock is right.
 */
import { type CertificateLife, lifeMs } from '../../shared/certificate-life.ts';
import { SECOND } from '../../shared/time.ts';

/** Between two looks; less where lives are short (tests). */
export const lookEveryMs = (controllerLifeMs: number): number => Math.min(10 * SECOND, controllerLifeMs / 30);

/** Then there are two thirds left to try again in. */
const PART = 1 / 3;

/** `takenAgoMs`: for how long it has been in use, by a clock that does not step. */
export function isOwnDue(
  life: CertificateLife,
  { nowWall, takenAgoMs }: { nowWall: number; takenAgoMs: number },
): boolean {
  const ageMs = nowWall - life.notBeforeWall;
  return ageMs < 0 || Math.max(ageMs, takenAgoMs) >= PART * lifeMs(life);
}

/** A certificate on which a controller stands, as its status and its metrics tell of it. */
import type { HeldCertificate } from '../../shared/protocol/agent-message.ts';

export interface ShownCertificate extends HeldCertificate {
  readonly of: 'controller' | 'authority';
  /** `controllers/c1`; of the authority `cluster`. */
  readonly resource: string;
}

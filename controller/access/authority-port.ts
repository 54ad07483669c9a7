/** What the calls about the authority work with. */
import type { ControllerCertificate } from '../core/records/authority.ts';
import type { AuthorityHolder } from './authority-holder.ts';

/** The authority of this controller, and what the others say of themselves. */
export interface AuthorityPort {
  readonly holder: AuthorityHolder;
  /** No other controller shares the store, ever. */
  readonly isAlone: boolean;
  /** Follows the record of the authority now, rather than within a second. Never rejects. */
  follow(): Promise<void>;
  /** Rejects with StoreError. */
  controllers(): Promise<readonly ControllerCertificate[]>;
}

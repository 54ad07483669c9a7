/** The authority in words for people. */
import type { Authority, AuthorityLaggard } from '../../shared/gen/locum/v1/authority_pb.ts';
import { AuthorityLack, AuthorityPhase } from '../../shared/gen/locum/v1/authority_pb.ts';
import { moment } from '../output/words.ts';

const PHASES: Readonly<Record<AuthorityPhase, string>> = {
  [AuthorityPhase.UNSPECIFIED]: 'unknown',
  [AuthorityPhase.STEADY]: 'no change is under way',
  [AuthorityPhase.TRUSTING]: 'two roots are trusted, the old one signs; next: locum pki rotate switch',
  [AuthorityPhase.RENEWING]: 'two roots are trusted, the new one signs; next: locum pki rotate finish',
};

const LACKS: Readonly<Record<AuthorityLack, string>> = {
  [AuthorityLack.UNSPECIFIED]: 'unknown',
  [AuthorityLack.TRUST]: 'does not trust the new root',
  [AuthorityLack.CERTIFICATE]: 'has a certificate of the old root',
  [AuthorityLack.KEY]: 'does not have the key of the new root',
  [AuthorityLack.WORD]: 'has not said what it trusts',
};

export const lackText = ({ lack, connected }: AuthorityLaggard): string =>
  `${LACKS[lack]}${connected ? '' : ', and is away'}`;

export function authorityLines({ phase, roots, phaseTime, creator }: Authority): string[] {
  const since = phaseTime === undefined ? '' : ` (since ${moment(phaseTime)}, by ${creator})`;
  return [
    `${PHASES[phase]}${since}`,
    ...roots.map(({ hash, expireTime, wrappedBy }, index) => {
      const key = wrappedBy === '' ? 'its key is in files' : `its key is in the store, wrapped with ${wrappedBy}`;
      return `${hash} ${index === 0 ? 'signs' : 'is trusted'} until ${moment(expireTime)}; ${key}`;
    }),
  ];
}

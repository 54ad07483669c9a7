/**
 * Who is ready for the next step of a change of the authority. Controllers say it beside their membership, agents among their facts;
 * a server that is away counts with what it said last, so that a reboot in the wrong minute locks nobody out.
 */

import { certificateWord } from '../../../shared/protocol/certificate-facts.ts';
import type { AuthorityNotice } from '../../../shared/protocol/leader-message.ts';
import { type ClusterState, serverLiveOf } from '../cluster/cluster.ts';
import type { Session } from '../cluster/session.ts';
import type { Turn } from '../cluster/turn.ts';
import type { AuthorityLack, AuthorityRecord, ControllerCertificate, Laggard } from '../records/authority.ts';

export interface StepReadiness {
  /** Controllers first, then by name. */
  readonly behind: readonly Laggard[];
  readonly ready: number;
}

/** For the step that follows: in TRUSTING that all know the new root, in RENEWING that nobody shows a certificate of the old one. */
export function readiness(
  state: ClusterState,
  record: AuthorityRecord,
  controllers: readonly ControllerCertificate[],
): StepReadiness {
  if (record.phase === 'STEADY') return { behind: [], ready: 0 };
  const isTrusting = record.phase === 'TRUSTING';
  const root = (isTrusting ? record.roots.at(-1) : record.roots[0])?.hash ?? '';
  const lackOf = (says: Pick<ControllerCertificate, 'trusts' | 'issuer'>): AuthorityLack | undefined => {
    if (says.issuer === undefined) return 'WORD';
    if (!says.trusts.includes(root)) return 'TRUST';
    return isTrusting || says.issuer === root ? undefined : 'CERTIFICATE';
  };
  const found = [
    ...controllers.map((one) => {
      const lack = lackOf(one) ?? (one.signs.includes(root) ? undefined : 'KEY');
      return { name: `controllers/${one.id}`, connected: true, lack };
    }),
    ...[...state.servers.values()].map(({ id, capabilities }) => ({
      name: `servers/${id}`,
      connected: serverLiveOf(state, id).session !== undefined,
      lack: lackOf(certificateWord(capabilities)),
    })),
  ];
  const behind = found.flatMap(({ lack, ...who }) => (lack === undefined ? [] : [{ ...who, lack }]));
  return { behind: behind.sort(byName), ready: found.length - behind.length };
}

function byName(a: Laggard, b: Laggard): number {
  return a.name < b.name ? -1 : Number(a.name > b.name);
}

const LACK_WORDS: Readonly<Record<AuthorityLack, string>> = {
  TRUST: 'does not trust the new root',
  CERTIFICATE: 'has a certificate of the old root',
  KEY: 'does not have the key of the new root',
  WORD: 'has not said what it trusts',
};

const NAMED = 5;

/** For a sentence: the first few by name. */
export function laggardText(behind: readonly Laggard[]): string {
  const named = behind.slice(0, NAMED).map(({ name, connected, lack }) => {
    return `${name} ${LACK_WORDS[lack]}${connected ? '' : ' (it is away)'}`;
  });
  const more = behind.length - named.length;
  return `${named.join(', ')}${more > 0 ? `, and ${more} more` : ''}`;
}

export const noticeOf = ({ roots }: AuthorityRecord): AuthorityNotice => ({
  kind: 'authority_notice',
  trusted: roots.map(({ hash }) => hash),
  signing: roots[0].hash,
});

/** An agent that has other roots, or a certificate of another one, renews by itself. */
export function tellAuthority(turn: Turn, session: Session): void {
  const { authority } = turn.state;
  if (authority !== undefined) turn.queueCommand(session, { kind: 'plain', message: noticeOf(authority) });
}

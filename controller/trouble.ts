/**
 * What is not as it should be beside what the core knows of: the store, and other controllers. With what the audit's sinks and the hooks say
 * of themselves it is in the status and in the metrics, which tell the same.
 */
import { conditionAt, lateFromWall } from '../shared/certificate-life.ts';
import { count } from '../shared/count.ts';
import { printable } from '../shared/printable.ts';
import type { Now } from '../shared/time.ts';
import type { ShownCertificate } from './access/shown-certificate.ts';
import { certificateText } from './core/certificate-text.ts';
import type { Deviation } from './core/views.ts';
import type { StoreStatus } from './engine/store-status.ts';
import { adviceFor, type LeaderTerm } from './leadership/leader-term.ts';
import { type FollowerCopy, latenessOf } from './replication/follower-copies.ts';

/** A commit takes milliseconds; past this, what people and agents wait for is the store. */
const SLOW_MS = 2_000;

interface Beside {
  /** Undefined: nobody leads here. */
  readonly status: StoreStatus | undefined;
  readonly gone: readonly GoneController[];
  readonly followers: readonly FollowerCopy[];
  /** Of this controller and its authority; empty: it speaks plaintext. */
  readonly certificates: readonly ShownCertificate[];
}

export function troubleBeside({ status, gone, followers, certificates }: Beside, now: Now): readonly Deviation[] {
  // The store may have lost sight of one that the leader hears.
  const known = new Set(followers.map(({ id }) => id));
  const lost = gone.filter(({ id }) => !known.has(id));
  return [
    ...storeTrouble(status, now.wall),
    ...goneControllers(lost, now.wall),
    ...lateFollowers(followers, now),
    ...oldCertificates([...certificates, ...followers.flatMap(certificateOf)], now.wall),
  ];
}

export function storeTrouble(status: StoreStatus | undefined, nowWall: number): readonly Deviation[] {
  const { trouble, waitingRecords = 0, waitingMs = 0 } = status ?? {};
  const more = {
    resource: 'cluster',
    sinceWall: nowWall - waitingMs,
    etaWall: undefined,
    command: 'locum controllers',
  };
  const waits = `${count(waitingRecords, 'record')} wait for it`;
  if (trouble !== undefined) {
    const message = `the store takes no writes, ${waits}: ${trouble.detail}: ${adviceFor(trouble)}`;
    return [{ ...more, reason: 'STORE_REFUSES', message }];
  }
  if (waitingMs < SLOW_MS) return [];
  return [{ ...more, reason: 'STORE_SLOW', message: `the store has not answered a commit for so long, ${waits}` }];
}

export interface GoneController {
  readonly id: string;
  readonly agoMs: number;
}

export const goneControllers = (gone: readonly GoneController[], nowWall: number): readonly Deviation[] =>
  gone.map(({ id, agoMs }) => ({
    ...{ resource: `controllers/${id}`, reason: 'CONTROLLER_GONE', command: 'locum controllers' },
    message: `it was last seen ${Math.round(agoMs / 1000)} s ago; start it again, or let it be: this is told for a day`,
    sinceWall: nowWall - agoMs,
    etaWall: undefined,
  }));

/** Whom the leader could not be replaced by as quickly as it should. */
export const lateFollowers = (followers: readonly FollowerCopy[], { mono, wall }: Now): readonly Deviation[] =>
  followers.flatMap((copy) => {
    const late = latenessOf(copy, mono);
    if (late === undefined) return [];
    const { reason, sinceMono } = late;
    const how = { ...{ reason, sinceWall: wall - (mono - sinceMono) }, etaWall: undefined };
    const message = reason === 'FOLLOWER_BEHIND' ? behind(copy) : SILENT;
    return [{ resource: `controllers/${copy.id}`, ...how, message, command: 'locum controllers' }];
  });

const SILENT =
  'the store hears of it, and the leader does not: its process hangs, or it does not reach the leader at its API address';

function behind({ behindRevisions, storeProblem, isMember }: FollowerCopy): string {
  const lacks = behindRevisions > 0 ? `its copy of the store lacks ${count(behindRevisions, 'revision')}` : '';
  const unheard = isMember ? '' : ', and the store does not hear of it';
  const why = storeProblem === '' ? '' : `the store does not answer it: ${printable(storeProblem)}`;
  return [`${lacks || 'its copy of the store is not known to be whole'}${unheard}`, why].filter(Boolean).join('; ');
}

function certificateOf({ id, certificate }: FollowerCopy): ShownCertificate[] {
  return certificate === undefined ? [] : [{ of: 'controller', resource: `controllers/${id}`, ...certificate }];
}

/** Controllers renew their own at a third of its life, so by now it has failed many times. Nobody renews the authority by itself. */
export const oldCertificates = (shown: readonly ShownCertificate[], nowWall: number): readonly Deviation[] =>
  shown
    .filter((certificate) => conditionAt(certificate, nowWall) !== 'FRESH')
    .map((certificate) => {
      const { of, resource } = certificate;
      const isOwn = of === 'controller';
      const silence = isOwn ? 'its log says why' : 'make another one: docs/operations.md, "A new authority"';
      return {
        ...{ resource, reason: 'CERTIFICATE_ENDS', command: isOwn ? 'locum controllers' : 'locum server list' },
        message: certificateText(certificate, { nowWall, silence, whose: isOwn ? 'its' : 'the authority’s' }),
        ...{ sinceWall: lateFromWall(certificate), etaWall: undefined },
      };
    });

/**
 * Whether a leader takes its events. While the store has a commit to answer, or takes none, events wait by right; otherwise only a defect can
 * keep them waiting, and each look finds others unless it does.
 */
export function doesItsWork(term: Pick<LeaderTerm, 'mailboxDepth' | 'storeStatus'> | undefined): boolean {
  if (term === undefined || term.mailboxDepth === 0) return true;
  const { trouble, waitingMs } = term.storeStatus;
  return trouble !== undefined || waitingMs !== undefined;
}

/**
 * Notices the death of the leader's process within a fraction of a second, where waiting for its lease would take seconds.
 *
 * A connection to the leader is held open. A process that dies takes its sockets with it, and its host then refuses new ones: that
 * refusal, a few times in a row, is the evidence. Silence is none: a leader that is slow, cut off or frozen keeps its term until
 * its lease ends; it is only doubted, so that nobody is sent there meanwhile. And so is a refusal by an address that never worked, for
 * that is somebody's mistake in a configuration.
 *
 * A silent connection is left, too, and another one opened: after a cut TCP waits longer and longer before it sends again, up to two
 * minutes, and a healthy leader would be doubted until then.
 */

import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseListenAddress } from '../../shared/listen-address.ts';
import type { Logger } from '../../shared/log.ts';
import type { Store } from '../store/store.ts';
import type { KnownLeader } from './candidate.ts';
import type { LeaderView } from './leader-view.ts';

export interface WatchdogOptions {
  readonly store: Pick<Store, 'endTerm'>;
  readonly view: LeaderView;
  /** Id of this controller: it does not watch itself. */
  readonly self: string;
  readonly log: Logger;
  /** Time between two questions whether the leader is there. Default 250 ms. */
  readonly pingMs?: number;
}

/** Refusals in a row, and the time between two of them. */
const REFUSALS = 3;
const BETWEEN_MS = 20;
/** Probes after a connection broke: a process that is dying may be connected to once more before its last socket is closed. */
const PROBES = 6;
/** A connection that takes longer says nothing. */
const PROBE_MS = 1_000;
const PING_MS = 250;
/**
 * Questions without an answer until the leader is doubted: 1.5 s. A leader whose loop stalls for a second is not dead; and less would
 * gain nothing, for the takeover from a dead one begins with its refusals, and from a frozen one with the end of its lease. They are
 * counted, not timed, so that a pause of this process is one.
 */
const DOUBT_AFTER = 6;
/** Until its connection is given up, or the attempt to make one: 3 s. */
const LEAVE_AFTER = 12;
/** Before a connection that came to nothing is tried again. */
const AGAIN_MS = 250;

type Probe = 'connected' | 'refused' | 'silent';

/** Watches each leader that is not this controller, until the signal aborts. */
export function watchOverLeaders(options: WatchdogOptions, signal: AbortSignal): void {
  const { view, self } = options;
  let watched: { readonly term: number; readonly stop: AbortController } | undefined;
  const look = (): void => {
    const { leader } = view;
    if (leader?.term === watched?.term) return;
    watched?.stop.abort();
    watched = undefined;
    if (leader === undefined || leader.id === self || signal.aborted) return;
    const stop = new AbortController();
    watched = { term: leader.term, stop };
    void watchOver(options, leader, AbortSignal.any([signal, stop.signal]));
  };
  view.watch(look, signal);
  signal.addEventListener('abort', () => watched?.stop.abort(), { once: true });
  look();
}

async function watchOver(options: WatchdogOptions, leader: KnownLeader, signal: AbortSignal): Promise<void> {
  const { store, view, log, pingMs = PING_MS } = options;
  const answers = (itDoes: boolean): void => view.doubt(itDoes ? 0 : leader.term);
  let worked = false;
  while (!signal.aborted) {
    const stood = await holdOpen(leader.api, { pingMs, answers }, signal);
    worked ||= stood;
    if (signal.aborted) return;
    if (worked) view.doubt(leader.term);
    if (worked && (await isRefused(leader.api, signal))) {
      log.warn({ leader: leader.id, term: leader.term }, 'the leader refuses connections: its process is gone');
      try {
        await store.endTerm(leader.term);
        return;
      } catch (error) {
        log.warn({ err: error }, 'its term could not be ended');
      }
    }
    await sleep(AGAIN_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}

interface Holding {
  readonly pingMs: number;
  /** Told whether it answers, each time that this shows. */
  readonly answers: (itDoes: boolean) => void;
}

/** Holds a connection open until it breaks or is silent for too long, and tells whether it answers. Says whether it ever stood. */
function holdOpen(address: string, { pingMs, answers }: Holding, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let stood = false;
  let unanswered = 0;
  const session = connectHttp2(`http://${address}`);
  const answer = (): void => {
    unanswered = 0;
    answers(true);
  };
  const ask = (): void => {
    if (session.destroyed) return;
    unanswered += 1;
    if (unanswered > LEAVE_AFTER) session.destroy();
    if (!stood || session.destroyed) return;
    if (unanswered > DOUBT_AFTER) answers(false);
    // False: too many wait already, which says the same.
    session.ping((error) => {
      if (error === null) answer();
    });
  };
  const asking = setInterval(ask, pingMs).unref();
  const cancel = (): void => session.destroy();
  signal.addEventListener('abort', cancel, { once: true });
  session.unref();
  session.once('remoteSettings', () => {
    stood = true;
    answer();
  });
  // What it is about shows in the probes.
  session.on('error', () => {});
  session.once('goaway', () => session.destroy());
  session.once('close', () => {
    clearInterval(asking);
    signal.removeEventListener('abort', cancel);
    resolve(stood);
  });
  if (signal.aborted) cancel();
  return promise;
}

async function isRefused(address: string, signal: AbortSignal): Promise<boolean> {
  let refusals = 0;
  for (let probes = 0; probes < PROBES; probes += 1) {
    if (probes > 0) await sleep(BETWEEN_MS, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) return false;
    refusals = (await probe(address)) === 'refused' ? refusals + 1 : 0;
    if (refusals === REFUSALS) return true;
  }
  return false;
}

function probe(address: string): Promise<Probe> {
  const parsed = parseListenAddress(address);
  if (parsed.kind === 'error') return Promise.resolve('silent');
  const { promise, resolve } = Promise.withResolvers<Probe>();
  const socket: Socket = connect(parsed.address);
  socket.setTimeout(PROBE_MS, () => resolve('silent'));
  socket.once('connect', () => resolve('connected'));
  socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'silent'));
  return promise.finally(() => socket.destroy());
}

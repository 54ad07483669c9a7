/** The certificate of a host: shown when its agent dials, renewed when the agent's core says so (agent/enrolment/renewal.ts is what ships). */
import type { RenewalOutcome } from '../../../agent/core/certificate.ts';
import { type AcceptedPeer, judgePeer } from '../../../shared/access/peer-judge.ts';
import type { Prng } from '../../../shared/prng.ts';
import { SECOND } from '../../../shared/time.ts';
import type { AgentNode } from '../agent.ts';
import type { ControllerNode } from '../controller.ts';
import type { EventQueue } from '../event-queue.ts';
import type { Host } from '../host.ts';
import type { Network } from '../network.ts';
import type { Door, Renewed } from './door.ts';
import { type Credentials, factsOf, shownTo } from './pki.ts';

export type Handshake =
  /** `peer` undefined: a world without certificates. */
  | { readonly kind: 'ADMITTED'; readonly peer: AcceptedPeer | undefined }
  | { readonly kind: 'REFUSED'; readonly reason: string };

/** Both ends look at the other, each by its own clock. */
export function shakeHands(host: Host, now: number, door: Door | undefined): Handshake {
  if (door === undefined) return { kind: 'ADMITTED', peer: undefined };
  const { credentials } = host.directory;
  if (credentials === undefined) return { kind: 'REFUSED', reason: 'NO_CERTIFICATE' };
  const { trusts, certificate } = credentials;
  const { clusterId } = certificate.identity;
  const rule = { clusterId, kinds: ['controller'] } as const;
  const theirs = judgePeer(shownTo(trusts, door.shown), rule, host.clock.wall(now));
  if (theirs.kind === 'refused') return { kind: 'REFUSED', reason: `the controller: ${theirs.reason}` };
  const verdict = door.judge(certificate, host.name);
  if (verdict.kind === 'refused') return { kind: 'REFUSED', reason: verdict.reason };
  return { kind: 'ADMITTED', peer: verdict.peer };
}

/** What is wrong with answers of signers. */
export interface SignerTrouble {
  /** This share of them gets lost. */
  lost: number;
}

export interface HolderOptions {
  readonly host: Host;
  readonly agent: AgentNode;
  readonly network: Network;
  readonly queue: EventQueue;
  readonly random: Prng;
  readonly trouble: SignerTrouble;
  readonly controllerAt: (endpoint: string) => ControllerNode | undefined;
}

const CALL_MS = 10 * SECOND;
/** The disk is not waited for longer. */
const DISK_MS = 2 * SECOND;

export class CertificateHolder {
  readonly #options: HolderOptions;

  constructor(options: HolderOptions) {
    this.#options = options;
  }

  renew(endpoint: string): void {
    const { host, agent, network, queue, trouble, random, controllerAt } = this.#options;
    const link = network.link(host.name, endpoint);
    const controller = controllerAt(endpoint);
    let isAnswered = false;
    const once = (act: () => void): void => {
      if (isAnswered) return;
      isAnswered = true;
      act();
    };
    // Does not happen in a later life of the agent.
    const answer = (act: () => void): void => {
      if (random.chance(trouble.lost)) return;
      agent.later(network.delayMs(link.down), () => network.isOpen(link) && once(act));
    };
    agent.later(CALL_MS, () => once(() => this.#heard({ kind: 'FAILED', detail: 'no answer' })));
    queue.after(network.delayMs(link.up), () => {
      if (!network.isOpen(link)) return;
      controller?.take(() => {
        const hands = shakeHands(host, queue.now, controller.door);
        if (hands.kind === 'REFUSED' || hands.peer === undefined) {
          answer(() => this.#heard({ kind: 'FAILED', detail: hands.kind === 'REFUSED' ? hands.reason : '' }));
          return;
        }
        controller.door?.renew(controller.judging, hands.peer, (renewed) => answer(() => this.#accept(renewed)));
      });
    });
  }

  /** First where the next start finds it, then in use. */
  #accept(renewed: Renewed): void {
    const { host, agent } = this.#options;
    if (renewed.kind === 'REFUSED') {
      const { reason, message, retryAfterMs } = renewed.error;
      this.#heard({ kind: 'REFUSED', reason, detail: message, retryAfterMs });
      return;
    }
    const { directory } = host;
    let isOver = false;
    const end = (outcome: RenewalOutcome): void => {
      if (!isOver) this.#heard(outcome);
      isOver = true;
    };
    agent.later(DISK_MS, () => end({ kind: 'FAILED', detail: 'the disk does not answer' }));
    host.disk.write(
      () => {
        directory.credentials = renewed.credentials;
      },
      (problem) =>
        agent.later(0, () => {
          if (problem !== undefined) end({ kind: 'FAILED', detail: problem.detail });
          else if (isOver) this.tell();
          else end({ kind: 'RENEWED', certificate: factsOf(renewed.credentials) });
        }),
    );
  }

  #heard(outcome: RenewalOutcome): void {
    const { agent } = this.#options;
    agent.step({ kind: 'renewal', outcome });
    if (outcome.kind === 'RENEWED') agent.tellFacts();
  }

  /** Of what is in the folder now. */
  tell(): void {
    const { host, agent } = this.#options;
    const { credentials } = host.directory;
    if (credentials === undefined) return;
    agent.step({ kind: 'certificate', certificate: factsOf(credentials) });
    agent.tellFacts();
  }

  /** Somebody has put another certificate there. */
  put(credentials: Credentials): void {
    const { host, agent } = this.#options;
    host.directory.credentials = credentials;
    agent.take(() => this.tell());
  }
}

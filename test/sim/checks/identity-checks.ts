/**
 * Who gets in, and what they get: judged by the certificate that stands for a stream, and by what is known of it, whatever the controller makes
 * of that. A stream that stands outlives the end of its certificate (ADR 0033), and nothing else of it.
 */
import type { WholeHello } from '../../../controller/core/cluster/event.ts';
import type { ConnId } from '../../../controller/core/records/state.ts';
import type { LeaderMessage } from '../../../shared/protocol/leader-message.ts';
import { SECOND } from '../../../shared/time.ts';
import type { AgentEnd } from '../agent-conn.ts';
import { trueWall } from '../clock.ts';
import type { SeenTerm } from '../seen-term.ts';
import type { World } from '../world.ts';

/** How far the clocks of controllers may be off, and how long a Hello may be on its way after the handshake. */
const SLACK_MS = 5 * SECOND;
/** What lets an agent go on, or start something. */
const GIVES: ReadonlySet<LeaderMessage['kind']> = new Set<LeaderMessage['kind']>(['welcome', 'grant', 'start']);

export class IdentityChecks {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** The core is to hear nobody who is not who he says. */
  heard({ controller }: SeenTerm, { peer, openedAt, host }: AgentEnd, { server }: WholeHello): void {
    if (this.#world.certificates === undefined) return;
    if (peer === undefined) this.#breaks(`${controller} hears ${host.name}, which showed no certificate`);
    else if (peer.identity.name !== server)
      this.#breaks(`${controller} hears ${host.name} as ${server}, with the certificate of ${peer.identity.name}`);
    else if (peer.notAfterMs <= trueWall(openedAt) - SLACK_MS)
      this.#breaks(`${controller} hears ${host.name}, whose certificate was over when it came`);
  }

  /** Only an older copy of the store makes an agent know more than it, and none came back. */
  flushed({ controller, core }: SeenTerm): void {
    const { storeBehind, storeDoubt } = core.state;
    if (this.#world.certificates === undefined || this.#world.restoredAt !== undefined) return;
    if (storeBehind !== undefined || storeDoubt !== undefined) this.#breaks(`${controller} believes a stranger`);
  }

  sending({ controller, core }: SeenTerm, conn: ConnId, { kind }: LeaderMessage): void {
    if (this.#world.certificates === undefined || !GIVES.has(kind)) return;
    const end = this.#world.endOf(controller, conn);
    const server = core.state.sessions.get(conn)?.server;
    if (end?.peer === undefined || server === undefined) return;
    const { identity, notBeforeMs } = end.peer;
    if (identity.name !== server)
      this.#breaks(`${controller} sends ${kind} of ${server} to whoever has the certificate of ${identity.name}`);
    const { issuer, openedAt } = end;
    const authority = core.state.authority;
    const isLongGone =
      authority?.sinceWall !== undefined && trueWall(this.#world.queue.now) - authority.sinceWall > SLACK_MS;
    if (isLongGone && issuer !== undefined && authority.roots.every(({ hash }) => hash !== issuer))
      this.#breaks(
        `${controller} sends ${kind} to ${end.host.name}, in since ${openedAt}, by a root that is trusted no more`,
      );
    const { beforeWall = 0 } = core.state.revocations.get(server) ?? {};
    if (notBeforeMs < beforeWall)
      this.#breaks(`${controller} sends ${kind} to ${end.host.name}, whose certificate it knows to be revoked`);
  }

  #breaks(message: string): void {
    this.#world.verdict.breaks('IDENTITY', this.#world.queue.now, message);
  }
}

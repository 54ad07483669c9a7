/** Whoever looks after hosts: one that does not get in with what it has joins anew, with a token, and its leader signs. */
import type { ClusterState } from '../../../controller/core/cluster/cluster.ts';
import type { Call, CallResult } from '../../../controller/core/cluster/event.ts';
import { HOUR, SECOND } from '../../../shared/time.ts';
import { trueWall } from '../clock.ts';
import type { ControllerNode } from '../controller.ts';
import type { Site } from '../site.ts';
import type { World } from '../world.ts';
import type { Certificates } from './certificates.ts';

const LOOK_EVERY_MS = 5 * SECOND;
/** A host that joins is answered by then, or its line is pasted again. */
const JOIN_MS = 15 * SECOND;
/** While faults are at work they see to it that much later, now and then. */
const NOTICED = 0.3;

const UNTRUSTED = 'it and the controllers do not trust each other';

export class People {
  readonly #world: World;
  readonly #certificates: Certificates;
  /** Hosts that are joined just now, until then. */
  readonly #busy = new Map<Site, number>();
  /** Those that were found locked out by their roots at the last look. */
  readonly #untrusted = new Set<Site>();
  #tokens = 0;
  /** Nobody joins hosts meanwhile. */
  areAway = false;

  constructor(world: World, certificates: Certificates) {
    this.#world = world;
    this.#certificates = certificates;
  }

  begin(): void {
    this.#world.queue.after(LOOK_EVERY_MS, () => {
      if (!this.areAway) this.#look();
      this.begin();
    });
  }

  #look(): void {
    const { sites, queue, healed } = this.#world;
    const { random } = this.#certificates;
    for (const site of sites) {
      if (site.isClone || site.isRetired || (this.#busy.get(site) ?? 0) > queue.now) continue;
      const why = this.lockedOut(site);
      this.#judge(site, why);
      if (why === undefined || !(healed || random.chance(NOTICED))) continue;
      this.#busy.set(site, queue.now + JOIN_MS);
      this.#join(site);
    }
  }

  /** A change of the authority locks nobody out whom no operator left behind. A leader that is new knows of it within a moment. */
  #judge(site: Site, why: string | undefined): void {
    const wasUntrusted = this.#untrusted.delete(site);
    if (why !== UNTRUSTED) return;
    this.#untrusted.add(site);
    const { verdict, queue, clones, restoredAt } = this.#world;
    // One that was deleted, and is not registered anew, is waited for by nobody.
    if (this.#world.leader()?.term.core.state.servers.has(site.host.server) !== true) return;
    // Another host of its name spoke for it; or what it has is of a history that is gone.
    if (!wasUntrusted || clones > 0 || restoredAt !== undefined || this.#certificates.rotation.leavesBehind) return;
    verdict.breaks(
      'IDENTITY',
      queue.now,
      `${site.name} is locked out by a change of the authority that left nobody behind`,
    );
  }

  /** Why it does not get in with what it has, as far as anybody can know who asks the leader. */
  lockedOut({ host }: Site): string | undefined {
    const { credentials } = host.directory;
    const leader = this.#world.leader();
    if (credentials === undefined) return 'it has no certificate';
    const { certificate } = credentials;
    if (certificate.notAfterWall <= trueWall(this.#world.queue.now)) return 'its certificate is over';
    const state: ClusterState | undefined = leader?.term.core.state;
    const revokedBefore = state?.revocations.get(host.server)?.beforeWall;
    if (revokedBefore !== undefined && certificate.notBeforeWall < revokedBefore) return 'its certificate is revoked';
    const roots = leader?.controller.door?.roots;
    if (roots === undefined) return undefined;
    return roots.trusted.includes(certificate.issuer) && credentials.trusts.includes(roots.shown)
      ? undefined
      : UNTRUSTED;
  }

  /** Who is not connected to the leader, or goes on without a good certificate; with why. Everything is well meanwhile. */
  outside(): readonly string[] {
    const leader = this.#world.leader();
    if (leader === undefined) return ['everybody: nobody leads'];
    const { serverLive } = leader.term.core.state;
    return this.#world.sites.flatMap((site) => {
      const { host, isClone, isRetired } = site;
      if (isClone || isRetired) return [];
      const isIn = serverLive.get(host.server)?.session?.phase === 'OPEN';
      const why = this.lockedOut(site) ?? (isIn ? undefined : 'it is not connected');
      return why === undefined ? [] : [`${host.name}: ${why}`];
    });
  }

  #join(site: Site): void {
    const { operators, say } = this.#world;
    this.#tokens += 1;
    const [id, secretHash] = [`t${this.#tokens}`, `secret-${this.#tokens}`];
    const { server, pool } = site.host;
    say(site.name, () => `joins anew: ${this.lockedOut(site)}`);
    const made = { id, secretHash, server, serverPattern: '', pool: undefined, ttlMs: HOUR };
    operators.call({ kind: 'create_join_token', ...made }, (result) => {
      const controller = this.#world.leader()?.controller;
      if (!result.ok || controller === undefined) return;
      const key = { keyHash: `key-${id}`, pool, source: site.name };
      this.#ask(site, controller, { kind: 'join', token: id, secretHash, server, ...key });
    });
  }

  #ask(site: Site, controller: ControllerNode, request: Extract<Call, { kind: 'join' }>): void {
    const judgedWall = controller.clockNow().wall;
    const call = {
      ...{ actor: `agent:${request.server}`, origin: { method: 'join', source: site.name } },
      ...{ requestId: '', fingerprint: '', validateOnly: false, request },
    };
    controller.call(call, (result) => this.#joined(site, controller, judgedWall, result));
  }

  #joined(site: Site, controller: ControllerNode, judgedWall: number, result: CallResult): void {
    const { door } = controller;
    if (!result.ok || result.value.kind !== 'admitted' || door === undefined) return;
    const { server, bound, validFromWall: validFromMs } = result.value;
    if (!door.signs) return;
    const holder = { kind: 'server', name: server, ...(bound === undefined ? {} : { pool: bound }) } as const;
    const credentials = door.sign({ holder, validFromMs }, judgedWall);
    // Whatever the host is doing, it finds this in its folder; nobody is given what is not valid yet.
    const aheadMs = Math.max(0, credentials.certificate.notBeforeWall - controller.clockNow().wall);
    this.#world.queue.after(SECOND + aheadMs, () => site.agent.putCredentials(credentials));
  }
}

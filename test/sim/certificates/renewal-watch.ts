/**
 * Watches over renewal: whoever could have had a new certificate all the time, from before it was due until his was over, has one. Could have:
 * its agent ran, in session with whoever leads, who could sign and was reached, and its clock was right.
 */
import { SECOND } from '../../../shared/time.ts';
import { trueWall } from '../clock.ts';
import type { Site } from '../site.ts';
import type { World } from '../world.ts';
import type { Certificates } from './certificates.ts';

const LOOK_EVERY_MS = SECOND;
/** A chance that lasted so long before the end was one: longer than a call that nobody answers, and the waits between tries. */
const ENOUGH_MS = 25 * SECOND;
/** A round trip slower than this is no chance. */
const SLOW_MS = 2 * SECOND;

export class RenewalWatch {
  readonly #world: World;
  readonly #certificates: Certificates;
  /** Since when each could be renewed without a break. */
  readonly #since = new Map<Site, number>();

  constructor(world: World, certificates: Certificates) {
    this.#world = world;
    this.#certificates = certificates;
  }

  begin(): void {
    this.#world.queue.after(LOOK_EVERY_MS, () => {
      for (const site of this.#world.sites) this.#look(site);
      this.begin();
    });
  }

  #look(site: Site): void {
    const { queue, verdict } = this.#world;
    const { now } = queue;
    if (!this.#hasChance(site)) {
      this.#since.delete(site);
      return;
    }
    const since = this.#since.get(site) ?? now;
    this.#since.set(site, since);
    const { certificate } = site.host.directory.credentials ?? {};
    const overMs = certificate === undefined ? 0 : trueWall(now) - certificate.notAfterWall;
    if (certificate === undefined || overMs < 0 || now - since - overMs < ENOUGH_MS) return;
    const forMs = Math.round(now - since - overMs);
    verdict.breaks('IDENTITY', now, `the certificate of ${site.name} is over, which could be renewed for ${forMs} ms`);
  }

  #hasChance({ host, agent, isRetired }: Site): boolean {
    const { store, network, queue } = this.#world;
    const leader = this.#world.leader();
    const session = agent.state?.session;
    if (leader === undefined || session === undefined || isRetired || !agent.isRunning) return false;
    const { controller, term } = leader;
    if (session.endpoint !== controller.endpoint || !controller.isRunning || !controller.isReachable) return false;
    const link = network.link(host.name, controller.endpoint);
    if (!network.isOpen(link) || link.up.extraDelayMs + link.down.extraDelayMs > SLOW_MS) return false;
    if (host.clock.state !== 'running' || host.disk.state !== 'sound') return false;
    if (Math.abs(host.clock.wall(queue.now) - trueWall(queue.now)) > this.#certificates.plan.lifeMs / 4) return false;
    const { extraDelayMs, refuse, lose } = store.trouble;
    if (extraDelayMs > SLOW_MS || refuse > 0 || lose > 0) return false;
    if (controller.door?.signs !== true || this.#certificates.trouble.lost > 0) return false;
    const { credentials } = host.directory;
    const { beforeWall = 0 } = term.core.state.revocations.get(host.server) ?? {};
    return credentials !== undefined && credentials.certificate.notBeforeWall >= beforeWall;
  }
}

/** A certificate was stolen: it is revoked, and nothing that came of it is good from then on, whoever signed it and when. */
import type { Prng } from '../../../shared/prng.ts';
import { SECOND } from '../../../shared/time.ts';
import type { Site } from '../site.ts';
import type { World } from '../world.ts';
import type { Certificates } from './certificates.ts';
import type { Credentials } from './pki.ts';
import { callEverywhere, renewEverywhere } from './stranger.ts';

/** How long the thief goes on. */
const TRIES_MS = 90 * SECOND;

export class Theft {
  readonly #world: World;
  readonly #site: Site;
  /** What he has: the last one counts most. */
  readonly #loot: Credentials[];
  #revoked: { readonly beforeWall: number; readonly at: number } | undefined;

  constructor(
    world: World,
    _: Certificates,
    { site, credentials }: { readonly site: Site; readonly credentials: Credentials },
  ) {
    this.#world = world;
    this.#site = site;
    this.#loot = [credentials];
  }

  begin(random: Prng): void {
    const { operators, queue, say } = this.#world;
    const { server } = this.#site.host;
    for (let tries = 0; tries < 8; tries += 1) queue.after(random.float() * TRIES_MS, () => this.#try());
    queue.after(random.float() * 20 * SECOND, () => {
      if (this.#world.healed) return;
      say('operator', () => `revokes the certificates of ${server}`);
      operators.call({ kind: 'revoke_server', server, reason: 'stolen' }, (result) => {
        if (!result.ok || result.value.kind !== 'revocation') return;
        this.#revoked = { beforeWall: result.value.revocation.beforeWall, at: queue.now };
        for (const one of this.#loot) this.#judge(one);
      });
    });
  }

  #try(): void {
    const world = this.#world;
    const { server: says } = this.#site.host;
    for (const credentials of this.#loot.slice(-2)) {
      const stranger = { from: this.#site, credentials, says };
      renewEverywhere(world, stranger, (signed) => {
        this.#loot.push(signed);
        this.#judge(signed);
      });
      // Until it is revoked, he is who he says: another machine of the same name, which clones play.
      if (this.#isRevoked) callEverywhere(world, stranger);
    }
  }

  /** Where an older state came back since, nobody knows of it any more. */
  get #isRevoked(): boolean {
    const { restoredAt = Number.NEGATIVE_INFINITY } = this.#world;
    return this.#revoked !== undefined && restoredAt < this.#revoked.at;
  }

  #judge({ certificate }: Credentials): void {
    if (!this.#isRevoked || this.#revoked === undefined) return;
    const { beforeWall } = this.#revoked;
    if (certificate.notBeforeWall < beforeWall) return;
    const { verdict, queue } = this.#world;
    verdict.breaks('IDENTITY', queue.now, `a certificate of ${this.#site.name} is good that came of a revoked one`);
  }
}

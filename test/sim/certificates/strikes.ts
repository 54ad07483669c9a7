/** Faults of certificates: nobody signs, what was signed does not arrive, hosts are away for longer than theirs last. */
import type { Prng } from '../../../shared/prng.ts';
import { SECOND } from '../../../shared/time.ts';
import { powerOff } from '../faults/host-faults.ts';
import { engage, someMs, soundSite } from '../faults/strike.ts';
import type { World } from '../world.ts';
import type { Certificates } from './certificates.ts';
import type { CertificateFault } from './plan.ts';
import { callEverywhere } from './stranger.ts';
import { Theft } from './theft.ts';

type CertificateStrike = (world: World, certificates: Certificates, random: Prng) => void;

export const certificateStrikes: Readonly<Record<CertificateFault, CertificateStrike>> = {
  /** Of one controller, or of all. */
  'no-signer': (world, { plan }, random) => {
    const ms = someMs(random, 5 * SECOND, plan.lifeMs / 2);
    const doors = world.controllers.flatMap(({ door }) => door ?? []);
    const without = random.chance(0.6) ? doors : random.shuffle(doors).slice(0, 1);
    world.say('pki', () => `${without.length} controllers can't sign for ${Math.round(ms)} ms`);
    for (const door of without) door.signs = false;
    world.during(ms, () => {
      for (const door of without) door.signs = true;
    });
  },
  'answers-lost': (world, { trouble }, random) => {
    trouble.lost = random.pick([0.3, 1]) ?? 1;
    world.during(someMs(random, 5 * SECOND, 40 * SECOND), () => {
      trouble.lost = 0;
    });
  },
  /** A server says that it is another one. */
  stranger: (world, _, random) => {
    const [from, victim] = random.shuffle(world.sites);
    const credentials = from?.host.directory.credentials;
    if (from === undefined || victim === undefined || credentials === undefined) return;
    const { server } = victim.host;
    if (credentials.certificate.identity.name === server) return;
    world.say(from.name, () => `says that it is ${server}`);
    callEverywhere(world, { from, credentials, says: server });
  },
  /** Its certificate was stolen. Whoever has it asks for another one, before and after; its host joins anew. */
  revoke: (world, certificates, random) => {
    const site = random.pick(world.sites.filter(({ isClone, isRetired }) => !isClone && !isRetired));
    const credentials = site?.host.directory.credentials;
    if (site !== undefined && credentials !== undefined)
      new Theft(world, certificates, { site, credentials }).begin(random);
  },
  rotate: (_, { rotation }, random) => rotation.begin(random),
  /** What it comes back with may be over. */
  away: (world, { plan }, random) => {
    const site = soundSite(world, random, { agent: true });
    if (site === undefined) return;
    const ms = someMs(random, 10 * SECOND, 1.2 * plan.lifeMs);
    engage(world, site, ms);
    world.say(site.name, () => `is away for ${Math.round(ms)} ms`);
    powerOff(world, site, random);
    world.during(ms, () => site.startAgent());
  },
};

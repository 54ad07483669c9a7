/** Faults of the store and of leadership. */
import type { Intentions } from '../intentions.ts';
import { cut } from './network-faults.ts';
import { type StrikeTable, someMs, someSite } from './strike.ts';

/** How old a restored state may be. */
const OLDEST_SNAPSHOT_MS = 90_000;

export const storeFaults = (intentions: Intentions): StrikeTable => ({
  'leadership-revoked': (world, random) => {
    const { store, plan, queue } = world;
    const leader = world.leader();
    if (leader === undefined) return;
    const { controller, term } = leader;
    store.revoke(term.term);
    if (!plan.tellDeposed) return;
    queue.after(random.float() * 4_000, () =>
      controller.take(() => {
        if (controller.leads === term) controller.stepDown('its leadership was lost');
      }),
    );
  },
  'store-slow': (world, random) => {
    world.store.trouble.extraDelayMs = someMs(random, 50, 30_000);
    world.say('store', () => `is slow: up to ${Math.round(world.store.trouble.extraDelayMs)} ms more each way`);
    world.during(someMs(random, 2_000, 40_000), () => {
      world.store.trouble.extraDelayMs = 0;
    });
  },
  'store-refuses': (world, random) => {
    world.store.trouble.refuse = random.pick([0.5, 1]) ?? 1;
    world.during(someMs(random, 500, 90_000), () => {
      world.store.trouble.refuse = 0;
    });
  },
  'store-late-answers': (world, random) => {
    world.store.trouble.lose = random.pick([0.3, 1]) ?? 1;
    world.during(someMs(random, 200, 15_000), () => {
      world.store.trouble.lose = 0;
    });
  },
  'store-cut': (world, random) => {
    const controller = random.chance(0.7) ? world.leader()?.controller : random.pick(world.controllers);
    if (controller === undefined) return;
    const ms = someMs(random, 300, 60_000);
    world.say(controller.name, () => `is cut from the store for ${Math.round(ms)} ms`);
    controller.path.cuts += 1;
    world.during(ms, () => {
      controller.path.cuts = Math.max(0, controller.path.cuts - 1);
    });
    const { leads } = controller;
    // A leader steps down on its own clock before the store gives its term to another; but never count on it.
    if (leads === undefined || !world.plan.tellDeposed) return;
    world.queue.after(world.plan.electionTtlMs * 0.8, () =>
      controller.take(() => {
        if (controller.leads === leads && controller.path.cuts > 0) controller.stepDown('the store does not answer');
      }),
    );
  },
  /** An older state comes back, as a new life of the store. What was acknowledged since then is lost, and only that. */
  'store-restore': (world, random) => {
    const saved = world.store.save();
    const savedAt = world.queue.now;
    const acknowledged = intentions.register.acknowledged;
    world.queue.after(random.float() * OLDEST_SNAPSHOT_MS, () => {
      if (world.healed) return;
      world.say('store', () => 'an older state is restored');
      for (const controller of world.controllers) controller.die();
      world.store.restore(saved);
      world.restoredAt = world.queue.now;
      intentions.register.acknowledged = acknowledged;
      // Worst for those who started something since, and say nothing of it for long.
      const ahead = world.sites.filter(({ host }) => [...host.trees].some(({ startedAt }) => startedAt > savedAt));
      const site = random.pick(ahead) ?? someSite(world, random);
      if (site !== undefined && random.chance(0.6)) {
        const links = world.controllers.map(({ endpoint }) => world.network.link(site.name, endpoint));
        cut(world, links, ['up', 'down'], someMs(random, 20_000, 180_000));
      }
      for (const controller of world.controllers) world.during(someMs(random, 200, 8_000), () => controller.start());
    });
  },
});

/** Faults of controllers. */
import type { Prng } from '../../../shared/prng.ts';
import type { ControllerNode } from '../controller.ts';
import type { World } from '../world.ts';
import { type StrikeTable, someMs } from './strike.ts';

/** The leader, as a rule: what happens to the others matters less. */
function target(world: World, random: Prng): ControllerNode | undefined {
  const leader = world.leader()?.controller;
  if (leader?.isRunning === true && random.chance(0.8)) return leader;
  return random.pick(world.controllers.filter(({ isRunning }) => isRunning));
}

function crash(world: World, random: Prng, how: 'die' | 'losePower'): void {
  const controller = target(world, random);
  if (controller === undefined) return;
  const downMs = someMs(random, 100, 60_000);
  world.say(controller.name, () => `is gone for ${Math.round(downMs)} ms (${how})`);
  const streams = [...world.network.streams].filter(
    (one) => one.controllerOpen && one.link.endpoint === controller.endpoint,
  );
  controller[how]();
  world.during(downMs, () => controller.start());
  if (how === 'losePower' && world.plan.keepalive) {
    for (const stream of streams)
      world.queue.after(10_000 + random.float() * 5_000, () => stream.endAgent('keepalive timed out'));
  }
}

export const controllerFaults: StrikeTable = {
  'controller-wall-step': (world, random) => {
    const controller = target(world, random);
    if (controller === undefined) return;
    const wallStepMs = (2 * random.float() - 1) * world.plan.wallErrorMs;
    world.say(controller.name, () => `its wall clock steps by ${Math.round(wallStepMs)} ms`);
    controller.changeClock({ wallStepMs });
  },
  'controller-crash': (world, random) => crash(world, random, 'die'),
  'controller-power': (world, random) => crash(world, random, 'losePower'),
  'controller-pause': (world, random) => {
    const controller = target(world, random);
    if (controller === undefined) return;
    const ms = someMs(random, 100, 120_000);
    world.say(controller.name, () => `is paused for ${Math.round(ms)} ms`);
    world.during(ms, controller.pause());
  },
  /** Paused between deciding and sending. */
  'controller-interrupt': (world, random) => {
    const controller = target(world, random);
    if (controller === undefined) return;
    controller.interruptMs = someMs(random, 100, 60_000);
  },
  'controller-suspend': (world, random) => {
    const controller = target(world, random);
    if (controller === undefined) return;
    const ms = someMs(random, 1_000, 90_000);
    world.say(controller.name, () => `is suspended for ${Math.round(ms)} ms`);
    const resume = controller.pause();
    controller.changeClock({ state: 'suspended' });
    world.during(ms, () => {
      controller.changeClock({ state: 'running' });
      resume();
    });
  },
};

import { expect, it } from 'vitest';
import { collectedMemory } from '../collected-memory.ts';
import { ControllerWorld } from './controller-world.ts';

/** Of a controller that lived and closed: something that it holds for as long as it is held itself. */
async function closedController(): Promise<WeakRef<object>> {
  const world = await ControllerWorld.start();
  const part = new WeakRef(world.controller.allowHosts);
  await world.dispose();
  return part;
}

it('a controller that closed is held by nothing of the process', async () => {
  const parts = [await closedController(), await closedController(), await closedController()];
  await expect
    .poll(() => {
      collectedMemory();
      return parts.filter((part) => part.deref() !== undefined).length;
    })
    .toBe(0);
});

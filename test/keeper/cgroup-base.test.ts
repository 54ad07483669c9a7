import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import {
  baseFolder,
  proveCgroup,
  removeBases,
  sweepBases,
  tryCgroup,
  whyNoCgroup,
} from '../../keeper/drivers/process/cgroup-base.ts';
import { findCgroupPlace } from '../../shared/host/cgroup.ts';

it('a proof of the hands and a trial of a start never disturb each other, as a ping may come at any time', async (ctx) => {
  const place = findCgroupPlace();
  const key = `test-${randomUUID()}`;
  if (place === undefined || (await whyNoCgroup(place, key)) !== '')
    return ctx.skip('this host or user has no cgroup v2');
  const base = join(place.mount, baseFolder(place, key));
  const problems = new Set<string | undefined>();
  for (let round = 0; round < 5; round += 1) {
    let isTrying = true;
    const trial = tryCgroup(base).finally(() => {
      isTrying = false;
    });
    while (isTrying) {
      problems.add(proveCgroup(base));
      await turn();
    }
    problems.add(await trial);
  }
  await sweepBases([base], 5_000);
  removeBases([base]);
  expect([...problems]).toEqual([undefined]);
});

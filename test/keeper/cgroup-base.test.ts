import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
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

/** Files as the kernel shows them of a cgroup whose processes take no notice of a kill. */
async function deafCgroup(): Promise<{ readonly base: string; readonly directory: string }> {
  const base = await mkdtemp(join(tmpdir(), 'locum-base-'));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  const directory = join(base, 'job-7');
  await mkdir(directory);
  await writeFile(join(directory, 'cgroup.kill'), '');
  await writeFile(join(directory, 'cgroup.events'), 'populated 1\nfrozen 0\n');
  return { base, directory };
}

it('a sweep answers with what lives after all its time, and with nothing once that is empty', async () => {
  const { base, directory } = await deafCgroup();
  expect(await sweepBases([base, join(base, 'gone')], 50)).toEqual([directory]);
  expect(await readFile(join(directory, 'cgroup.kill'), 'utf8')).toBe('1');
  await writeFile(join(directory, 'cgroup.events'), 'populated 0\nfrozen 0\n');
  expect(await sweepBases([base], 50)).toEqual([]);
});

it('a sweep that can not look into a folder says so: it does not take that for nothing', async () => {
  const { base, directory } = await deafCgroup();
  await expect(sweepBases([base, join(directory, 'cgroup.kill')], 50)).rejects.toThrow('ENOTDIR');
  await rm(join(directory, 'cgroup.events'));
  await mkdir(join(directory, 'cgroup.events'));
  await expect(sweepBases([base], 50)).rejects.toThrow('EISDIR');
});

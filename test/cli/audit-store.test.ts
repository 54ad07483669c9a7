/** What `locum audit verify` says of a store that somebody changed, and of one that was restored. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { exportAudit } from '../../cli/audit/export.ts';
import { verify } from '../../cli/audit/verify.ts';
import { restore } from '../../cli/snapshot/restore.ts';
import { type ControllerWorld, inWorld } from '../controller/controller-world.ts';

let shown = '';

beforeEach(() => {
  shown = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((bytes) => {
    shown += typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString();
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

const globalsOf = (world: ControllerWorld) => ({
  address: [world.controller.apiAddress],
  output: 'table' as const,
});

async function createPools(world: ControllerWorld, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n += 1) await world.api.pools.createPool({ pool: { name: `pools/p${n}` } });
}

async function saying(act: () => Promise<void>): Promise<string> {
  shown = '';
  await act();
  return shown;
}

async function exportTo(world: ControllerWorld, name: string): Promise<string> {
  const file = join(world.folder, name);
  writeFileSync(file, await saying(() => exportAudit(globalsOf(world), { afterChanges: 0, afterAccess: 0 })));
  return file;
}

/** Does something to the store of a controller that does not run. */
async function whileStopped(world: ControllerWorld, act: (store: DatabaseSync) => void): Promise<void> {
  await world.stop();
  const store = new DatabaseSync(join(world.folder, 'store.sqlite'));
  act(store);
  store.close();
  await world.start();
}

const entryKey = (number: number): string => `audit/changes/${String(number).padStart(16, '0')}`;

function takeOut(store: DatabaseSync, ...numbers: readonly number[]): void {
  for (const number of numbers) store.prepare('DELETE FROM records WHERE key = ?').run(entryKey(number));
}

describe('a store that somebody changed', () => {
  it(
    'lacks an entry in the middle',
    inWorld(
      async (world) => {
        await createPools(world, 1, 5);
        await whileStopped(world, (store) => takeOut(store, 3));
        await expect(verify(globalsOf(world), {})).rejects.toThrow(/audit\/changes\/4: number 3 is not there/);
      },
      { store: 'sqlite' },
    ),
  );

  it(
    'lacks its oldest entries, which no retention has dropped',
    inWorld(
      async (world) => {
        await createPools(world, 1, 5);
        await whileStopped(world, (store) => takeOut(store, 1, 2));
        await expect(verify(globalsOf(world), {})).rejects.toThrow(/audit\/changes\/3: number 1 is not there/);
      },
      { store: 'sqlite' },
    ),
  );

  it(
    'lacks its newest entries, also when others were written since',
    inWorld(
      async (world) => {
        await createPools(world, 1, 5);
        const file = await exportTo(world, 'before.jsonl');
        await whileStopped(world, (store) => takeOut(store, 4, 5));
        await expect(verify(globalsOf(world), {})).rejects.toThrow(
          /audit\/changes\/5: it is the newest, and not there/,
        );
        await createPools(world, 6, 6);
        await expect(verify(globalsOf(world), {})).rejects.toThrow(/audit\/changes\/6: number 4 is not there/);
        expect(await saying(() => verify(globalsOf(world), { file }))).toContain('changes: 5 entries');
      },
      { store: 'sqlite' },
    ),
  );

  it(
    'lost its chain, and where that stood: an export shows it, though what was written since is whole',
    inWorld(
      async (world) => {
        await createPools(world, 1, 5);
        const file = await exportTo(world, 'before.jsonl');
        await whileStopped(world, (store) => store.exec("DELETE FROM records WHERE key LIKE 'audit/%'"));
        await createPools(world, 6, 12);
        expect(await saying(() => verify(globalsOf(world), {}))).toContain('changes: 7 entries');
        await expect(verify(globalsOf(world), { file, live: true })).rejects.toThrow(
          /changes\/1: .* another one than the file/,
        );
      },
      { store: 'sqlite' },
    ),
  );
});

describe('a store that was restored', () => {
  it(
    'goes on from the copy, and an export of before is compared with it and says what was undone',
    inWorld(
      async (world) => {
        await createPools(world, 1, 3);
        const pieces: Uint8Array[] = [];
        for await (const { data } of world.api.cluster.saveSnapshot({})) pieces.push(data);
        const snapshot = join(world.folder, 'one.snap');
        writeFileSync(snapshot, Buffer.concat(pieces));
        await createPools(world, 4, 5);
        const file = await exportTo(world, 'before.jsonl');
        await world.stop();
        const store = `sqlite:${join(world.folder, 'restored.sqlite')}`;
        await restore(snapshot, { store });
        await world.start({ store });
        await createPools(world, 4, 4);
        expect(await saying(() => verify(globalsOf(world), {}))).toMatch(/^changes: 5 entries, 1 to 1099511627778,/);
        const compared = await saying(() => verify(globalsOf(world), { file, live: true }));
        expect(compared).toMatch(/^changes: 7 entries, 1 to 1099511627778, .*; 4 to 5 were undone by a restore$/m);
      },
      { store: 'sqlite' },
    ),
  );
});

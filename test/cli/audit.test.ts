import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { exportAudit } from '../../cli/audit/export.ts';
import { list } from '../../cli/audit/list.ts';
import { verify } from '../../cli/audit/verify.ts';
import { type ControllerWorld, inWorld } from '../controller/controller-world.ts';

let shown = '';

beforeEach(() => {
  shown = '';
  const take = (bytes: string | Uint8Array): boolean => {
    shown += typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString();
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(take);
  vi.spyOn(process.stderr, 'write').mockImplementation(take);
});
afterEach(() => vi.restoreAllMocks());

const globalsOf = (world: ControllerWorld) => ({
  address: [world.controller.apiAddress],
  output: 'table' as const,
});

async function createPools(world: ControllerWorld, ...names: readonly string[]): Promise<void> {
  for (const name of names) await world.api.pools.createPool({ pool: { name: `pools/${name}` } });
}

/** What a command says. */
async function saying(act: () => Promise<void>): Promise<string> {
  shown = '';
  await act();
  return shown;
}

/** An export of three changes, as a file, and its lines. */
async function exported(world: ControllerWorld): Promise<{ readonly file: string; readonly lines: readonly string[] }> {
  await createPools(world, 'a', 'b', 'c');
  const text = await saying(() => exportAudit(globalsOf(world), { afterChanges: 0, afterAccess: 0 }));
  const file = join(world.folder, 'audit.jsonl');
  writeFileSync(file, text);
  return { file, lines: text.trimEnd().split('\n') };
}

function written(world: ControllerWorld, lines: readonly string[]): string {
  const file = join(world.folder, 'other.jsonl');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

describe('locum audit', () => {
  it(
    'lists what was done',
    inWorld(async (world) => {
      await createPools(world, 'a');
      const text = await saying(() => list(globalsOf(world), { limit: 50 }));
      expect(text).toMatch(/CHANGE +operator +PoolService\/CreatePool +pools\/a +OK +- +127\.0\.0\.1/);
      expect(await saying(() => list(globalsOf(world), { limit: 50, method: 'DeletePool' }))).toBe('No entries.\n');
    }),
  );

  it(
    'verifies what the controllers have, and an export',
    inWorld(async (world) => {
      const { file } = await exported(world);
      expect(await saying(() => verify(globalsOf(world), {}))).toMatch(
        /^changes: 3 entries, 1 to 3, ends with [0-9a-f]{64}/,
      );
      expect(await saying(() => verify(globalsOf(world), { file }))).toContain('The chains are whole.');
    }),
  );

  it(
    'finds in an export what was taken out, changed, moved or put in, and says where',
    inWorld(async (world) => {
      const { lines } = await exported(world);
      const [a = '', b = '', c = ''] = lines;
      const verified = (...other: readonly string[]) => verify(globalsOf(world), { file: written(world, other) });
      await expect(verified(a, c)).rejects.toThrow(/line 2: audit\/changes\/3: number 2 is not there/);
      await expect(verified(a, b.replace('pools/b', 'pools/x'), c)).rejects.toThrow(/audit\/changes\/2: .*its hash/);
      await expect(verified(b, a, c)).rejects.toThrow(/audit\/changes\/1: it comes after number 2/);
      await expect(verified(a, b, b, c)).rejects.toThrow(/line 3/);
      await expect(verified(a, 'no entry', c)).rejects.toThrow(/line 2 is no entry/);
      await expect(verified(a, b.replace('"number":"2"', '"number":"1"'), c)).rejects.toThrow(/line 2 is no entry/);
    }),
  );

  it(
    'compares an export with what the controllers have now',
    inWorld(async (world) => {
      const { file, lines } = await exported(world);
      await createPools(world, 'd');
      const globals = globalsOf(world);
      expect(await saying(() => verify(globals, { file, live: true }))).toMatch(/changes: 4 entries, 1 to 4/);
      // An excerpt is compared as far as it goes.
      const excerpt = written(world, lines.slice(1));
      expect(await saying(() => verify(globals, { file: excerpt, live: true }))).toMatch(/changes: 3 entries, 2 to 4/);
    }),
  );

  it(
    'tells an export of another cluster by its hashes',
    inWorld(async (world) => {
      const { file } = await exported(world);
      await inWorld(async (other) => {
        await createPools(other, 'x', 'y', 'z', 'more');
        const globals = globalsOf(other);
        await expect(verify(globals, { file, live: true })).rejects.toThrow(
          /audit\/changes\/1: .* another one than the file/,
        );
      })();
    }),
  );

  it(
    'finds that the newest entries are gone from the controllers',
    inWorld(async (world) => {
      const { file } = await exported(world);
      await inWorld(async (other) => {
        await expect(verify(globalsOf(other), { file, live: true })).rejects.toThrow(/know of none after 0/);
      })();
    }),
  );
});

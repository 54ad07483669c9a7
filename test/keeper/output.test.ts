/** What programs print: kept in segments, read by offset, bounded. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OutputOwner } from '../../keeper/core/output-retention.ts';
import { AttemptFolders } from '../../keeper/disk/attempt-folders.ts';
import { OutputLog } from '../../keeper/output/output-log.ts';
import { readOutput } from '../../keeper/output/output-reader.ts';
import { DiskLane } from '../../shared/disk-lane.ts';
import { kill, Rig, sharedKeeper, withRealKeepers } from './rig.ts';

withRealKeepers();

let folder = '';
let lost: unknown[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'locum-output-test-'));
  lost = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes chunks as a program would; resolves when they are in their segments. */
async function write(chunks: readonly string[], limits = { segmentBytes: 10, segments: 3 }): Promise<OutputLog> {
  const reader = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  const log = new OutputLog({
    directory: folder,
    limits,
    reader,
    lane: new DiskLane('output', 1_000),
    suspect: (e) => lost.push(e),
  });
  await log.done;
  return log;
}

const text = async (offset: number, limit = 100) => {
  const slice = await readOutput(folder, { offset, limit });
  return slice && { offset: slice.offset, text: Buffer.from(slice.data).toString(), size: slice.size };
};

/** Everything, as it is read by who asks for so much at a time. */
async function inPieces(limit: number): Promise<string> {
  let all = '';
  for (;;) {
    const piece = await text(all.length, limit);
    if (piece === undefined || piece.text === '') return all;
    all += piece.text;
  }
}

describe('output', () => {
  it('is there, and empty, before anything is printed', async () => {
    await write([]);
    expect(await text(0)).toEqual({ offset: 0, text: '', size: 0 });
  });

  it('is read by one offset that runs through all segments', async () => {
    await write(['0123456789', 'abcdefghij', 'xyz']);
    expect(await text(0)).toEqual({ offset: 0, text: '0123456789', size: 23 });
    expect(await text(10)).toEqual({ offset: 10, text: 'abcdefghij', size: 23 });
    expect(await text(12, 3)).toEqual({ offset: 12, text: 'cde', size: 23 });
    expect(await text(20)).toEqual({ offset: 20, text: 'xyz', size: 23 });
  });

  it('is read from the end by a negative offset', async () => {
    await write(['0123456789', 'abc']);
    expect(await text(-2)).toEqual({ offset: 11, text: 'bc', size: 13 });
    expect(await text(-500)).toEqual({ offset: 0, text: '0123456789', size: 13 });
  });

  it('past its end is empty', async () => {
    await write(['0123']);
    expect(await text(4)).toEqual({ offset: 4, text: '', size: 4 });
    expect(await text(99)).toEqual({ offset: 4, text: '', size: 4 });
  });

  it('keeps the newest segments, and says where what is left begins', async () => {
    await write(['0123456789', 'abcdefghij', 'klmnopqrst', 'uvwxyzABCD', 'E']);
    expect(readdirSync(folder).filter((name) => name.endsWith('.log'))).toHaveLength(3);
    expect(await text(0)).toEqual({ offset: 20, text: 'klmnopqrst', size: 41 });
    expect(await text(5)).toEqual({ offset: 20, text: 'klmnopqrst', size: 41 });
  });

  it('that was lost in between is jumped over', async () => {
    writeFileSync(join(folder, `${'0'.padStart(16, '0')}.log`), 'abc');
    writeFileSync(join(folder, `${'9'.padStart(16, '0')}.log`), 'xyz');
    expect(await text(0)).toEqual({ offset: 0, text: 'abc', size: 12 });
    expect(await text(3)).toEqual({ offset: 9, text: 'xyz', size: 12 });
  });

  it('of a program goes on being taken when it can not be kept', async () => {
    rmSync(folder, { recursive: true });
    const log = await write(['0123456789', 'abcdefghij']);
    expect([log.finished, lost]).toEqual([true, [expect.objectContaining({ code: 'ENOENT' })]]);
  });

  it('that could not be kept is counted, and the count is told once something can be kept again', async () => {
    const reader = new PassThrough();
    const lane = new DiskLane('output', 1_000);
    const limits = { segmentBytes: 1_000, segments: 3 };
    const log = new OutputLog({ directory: folder, limits, reader, lane, suspect: (e) => lost.push(e) });
    await lane.run(async () => undefined);
    renameSync(folder, `${folder}-away`);
    // What is open stays open: the next segment can't be made.
    for (let i = 0; i < 4; i += 1) {
      reader.write('x'.repeat(600));
      await expect.poll(() => reader.readableLength).toBe(0);
      await lane.run(async () => undefined);
    }
    expect(lost).toHaveLength(1);
    renameSync(`${folder}-away`, folder);
    reader.end('end');
    await log.done;
    // No gap in the offsets: that would say that something was rotated out.
    const said = '\n[1200 bytes were lost: ENOENT]\nend';
    expect(await text(0, 5)).toMatchObject({ offset: 0, size: 1_200 + said.length });
    expect(await text(1_200, 2_000)).toEqual({ offset: 1_200, text: said, size: 1_200 + said.length });
    expect((await text(-3))?.text).toBe('end');
  });

  it('that could not be kept from its first byte on begins with what is said of it', async () => {
    const reader = new PassThrough();
    const lane = new DiskLane('output', 1_000);
    renameSync(folder, `${folder}-away`);
    const limits = { segmentBytes: 1_000, segments: 3 };
    const log = new OutputLog({ directory: folder, limits, reader, lane, suspect: (e) => lost.push(e) });
    reader.write('x'.repeat(50));
    await expect.poll(() => lost.length).toBe(1);
    renameSync(`${folder}-away`, folder);
    reader.end('end');
    await log.done;
    expect((await text(0))?.offset).toBe(0);
    expect((await text(0))?.text).toBe('\n[50 bytes were lost: ENOENT]\nend');
  });

  it.for([
    ['some of it is there', 200],
    ['nothing of it is there', 0],
  ] as const)('that a full disk lost up to the end says so at its end, with the cause: %s', async ([, kept], ctx) => {
    if (process.getuid?.() !== 0) ctx.skip('mounting a small disk needs root');
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12k', 'none', folder]);
    try {
      writeFileSync(join(folder, 'filler'), 'f'.repeat(kept === 0 ? 12_288 : 4_096));
      await write(['x'.repeat(kept), 'y'.repeat(9_000), 'z'.repeat(9_000)], { segmentBytes: 1_000_000, segments: 3 });
      const whole = await inPieces(100_000);
      const [, written = '', bytes] = /^(x*y*)\n\[(\d+) bytes were lost: no space\]\n$/.exec(whole) ?? [];
      expect(written.startsWith('x'.repeat(kept))).toBe(true);
      expect(Number(bytes)).toBe(kept + 18_000 - written.length);
      expect(await inPieces(7)).toBe(whole);
      expect(await text(-9)).toEqual({ offset: whole.length - 9, text: whole.slice(-9), size: whole.length });
    } finally {
      execFileSync('umount', [folder]);
    }
  });

  it('of no attempt at all is no output', async () => {
    expect(await readOutput(join(folder, 'no-such-attempt'), { offset: 0, limit: 10 })).toBeUndefined();
  });
});

describe('folders of forgotten attempts', () => {
  const keep = (name: string, bytes: number, ageS: number) => {
    const path = join(folder, 'runs', name, 'output');
    mkdirSync(path, { recursive: true });
    mkdirSync(join(folder, 'runs', name, 'work'));
    writeFileSync(join(path, `${'0'.repeat(16)}.log`), 'x'.repeat(bytes));
    utimesSync(join(folder, 'runs', name), Date.now() / 1000 - ageS, Date.now() / 1000 - ageS);
  };
  const kept = () => readdirSync(join(folder, 'runs')).sort();

  const owner = (policy: string, agoMs = 0): OutputOwner => ({ policy, failed: false, endedWall: Date.now() - agoMs });
  const retention = { newest: 1, policyBytes: 1_000, hostBytes: 2_000, ageMs: 60_000 };

  it('lose their work folder and keep their output', async () => {
    keep('a-1-1', 5, 0);
    const folders = new AttemptFolders(folder);
    await folders.forget({ run: 'a-1', epoch: 1 }, owner('a'));
    expect(readdirSync(join(folder, 'runs', 'a-1-1')).sort()).toEqual(['output', 'owner.json']);
    expect((await folders.readOutput({ run: 'a-1', epoch: 1 }, { offset: 0, limit: 10 }))?.size).toBe(5);
  });

  it('go whole where there never was any output', async () => {
    mkdirSync(join(folder, 'runs', 'a-1-1', 'work'), { recursive: true });
    await new AttemptFolders(folder).forget({ run: 'a-1', epoch: 1 }, owner('a'));
    expect(kept()).toEqual([]);
  });

  it('are bounded for each policy, also those of earlier keepers, and what is held is left alone', async () => {
    const earlier = new AttemptFolders(folder, { retention });
    for (const [i, run] of ['d-1', 'c-1', 'b-1', 'a-1'].entries()) {
      keep(`${run}-1`, 300, 0);
      await earlier.forget({ run, epoch: 1 }, owner('loop', 1_000 - i));
    }
    keep('other-1-1', 300, 0);
    await earlier.forget({ run: 'other-1', epoch: 1 }, owner('other', 500_000));
    expect(kept()).toEqual(['a-1-1', 'b-1-1', 'c-1-1', 'other-1-1']);
    keep('held-1-1', 300, 5_000);
    const folders = new AttemptFolders(folder, { retention });
    await folders.recover((key) => key === 'held-1-1');
    folders.close();
    keep('big-1-1', 900, 0);
    await folders.forget({ run: 'big-1', epoch: 1 }, owner('loop'));
    expect(kept()).toEqual(['big-1-1', 'held-1-1', 'other-1-1']);
  });

  it('whose owner is not known share one room, and are as old as the folder', async () => {
    for (const [name, ageS] of [
      ['a-1-1', 10],
      ['b-1-1', 500],
      ['c-1-1', 700],
    ] as const)
      keep(name, 100, ageS);
    writeFileSync(join(folder, 'runs', 'b-1-1', 'owner.json'), '{"policy":"x"');
    utimesSync(join(folder, 'runs', 'b-1-1'), Date.now() / 1000 - 500, Date.now() / 1000 - 500);
    const folders = new AttemptFolders(folder, { retention });
    await folders.recover(() => false);
    folders.close();
    expect(kept()).toEqual(['a-1-1']);
  });
});

describe('output of a real program', () => {
  it('is standard output and standard error in the order in which they were written', async () => {
    const { agent } = await sharedKeeper();
    await agent.run({ does: 'for i in 1 2 3; do echo out $i; echo err $i >&2; done' });
    await agent.end();
    expect(await agent.output()).toBe('out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n');
  });

  it('can be followed while it runs, and says when it is over', async () => {
    const { rig, agent } = await sharedKeeper();
    const release = rig.file();
    await agent.run({ does: `echo one; while [ ! -e ${release} ]; do sleep 0.01; done; echo two` });
    const read = (offset: bigint) => agent.connection.read({ run: agent.job, epoch: 1n, offset, limit: 100 });
    await expect.poll(async () => Buffer.from((await read(0n)).data).toString()).toBe('one\n');
    expect(await read(4n)).toMatchObject({ offset: 4n, size: 4n, end: false });
    writeFileSync(release, '');
    await agent.end();
    expect(await agent.output()).toBe('one\ntwo\n');
    expect(await read(8n)).toMatchObject({ offset: 8n, size: 8n, end: true });
  });

  it('is bounded on disk, however much it is, and none of it makes the program wait for ever', async () => {
    const { rig, agent } = await sharedKeeper({ output: { segmentBytes: 64 * 1024, segments: 2 } });
    await agent.run({ does: 'head -c 5000000 /dev/zero; echo; echo last' });
    expect(await agent.end()).toMatchObject({ exitCode: 0 });
    const read = async () => agent.connection.read({ run: agent.job, epoch: 1n, offset: -5n, limit: 100 });
    await expect.poll(async () => (await read()).end).toBe(true);
    expect(await read()).toMatchObject({
      size: 5_000_006n,
      offset: 5_000_001n,
      data: new Uint8Array(Buffer.from('last\n')),
    });
    const path = join(rig.stateDir, 'runs', `${agent.job}-1`, 'output');
    const bytes = readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0);
    // A segment may pass its limit by one read.
    expect(bytes).toBeLessThanOrEqual(4 * 64 * 1024);
  });

  it('is kept as its policy wants, also by a keeper that comes later and by one that found the attempt running', async () => {
    const rig = new Rig({ retention: { newest: 5, policyBytes: 1_000_000, hostBytes: 1_000_000, ageMs: 60_000 } });
    const outputRetention = { bytes: 200n };
    const agent = await rig.agent();
    // 100 bytes of text, and their time.
    const does = 'printf %100s x';
    const kept = () => readdirSync(join(rig.stateDir, 'runs')).sort();
    for (let epoch = 1; epoch <= 3; epoch += 1) {
      await agent.run({ run: 'job', epoch, does, outputRetention });
      await agent.end('job', epoch);
      await agent.output('job', epoch);
      await agent.forget('job', epoch);
    }
    await expect.poll(kept).toEqual(['job-3']);
    await agent.run({ run: 'job', epoch: 4, does: `${does}; exec sleep 600`, outputRetention, deadlineMs: 60_000 });
    await expect.poll(async () => (await agent.connection.read({ run: 'job', epoch: 4n })).size).toBe(100n);
    kill(agent.connection.opened.keeperPid, 'SIGKILL');
    const later = await rig.agent();
    await later.forget('job', 4);
    await expect.poll(kept).toEqual(['job-4']);
  });

  it('that failed is still there after a neighbour was restarted more often than anything is kept', async () => {
    const retention = { newest: 2, policyBytes: 20, hostBytes: 1_000_000, ageMs: 60_000 };
    const rig = new Rig({ retention });
    const agent = await rig.agent();
    await agent.run({ run: 'important', policy: 'important', does: 'echo why I failed; exit 3' });
    expect(await agent.end('important')).toMatchObject({ exitCode: 3 });
    await agent.forget('important');
    for (let epoch = 1; epoch <= 6; epoch += 1) {
      await agent.run({ run: 'looper', policy: 'looper', epoch, does: `echo round ${epoch} ` });
      await agent.end('looper', epoch);
      await agent.output('looper', epoch);
      await agent.forget('looper', epoch);
    }
    const gone = async () => !existsSync(join(rig.stateDir, 'runs', 'looper-4'));
    await expect.poll(gone).toBe(true);
    const kept = () => readdirSync(join(rig.stateDir, 'runs')).sort();
    expect(kept()).toEqual(['important-1', 'looper-5', 'looper-6']);
    // A keeper that comes later keeps the same, of what the earlier one wrote down whose it is: that is the last that it does.
    await expect.poll(() => existsSync(join(rig.stateDir, 'runs', 'looper-6', 'owner.json'))).toBe(true);
    kill(agent.connection.opened.keeperPid, 'SIGKILL');
    const later = await rig.agent();
    await later.run({ run: 'looper', policy: 'looper', epoch: 7, does: 'echo round 7' });
    await later.end('looper', 7);
    await later.output('looper', 7);
    await later.forget('looper', 7);
    await expect.poll(() => kept()).toEqual(['important-1', 'looper-6', 'looper-7']);
    expect(await later.output('important')).toBe('why I failed\n');
  });

  it('of an attempt that is not known is an error, not an empty output', async () => {
    const { agent } = await sharedKeeper();
    for (const run of ['no-such-run', '../..']) {
      const { error } = await agent.connection.read({ run, epoch: 1n, offset: 0n, limit: 10 });
      expect(error).toContain('no output');
    }
  });
});

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fromJsonString } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { AuditFeed, type AuditSource } from '../../../controller/audit/audit-feed.ts';
import { AUDIT_START, type AuditNews } from '../../../controller/audit/audit-position.ts';
import type { AuditSink } from '../../../controller/audit/audit-sink.ts';
import { AuditVerifier } from '../../../shared/access/audit-verifier.ts';
import { auditEntryFromProto } from '../../../shared/codec/audit.ts';
import { AuditEntrySchema } from '../../../shared/gen/locum/v1/audit_pb.ts';
import { type ControllerWorld, eventually, inWorld } from '../controller-world.ts';
import { chainOf, upTo } from './entries.ts';
import { SyslogReceiver } from './syslog-receiver.ts';

const linesOf = (file: string): string[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');

/** Once the file has so many entries: all of them, verified. */
async function entriesIn(file: string, count: number): Promise<number[]> {
  const lines = await eventually(async () => {
    try {
      const found = linesOf(file);
      return found.length >= count ? found : undefined;
    } catch {
      return undefined;
    }
  });
  const verifier = new AuditVerifier();
  const entries = lines.map((line) => auditEntryFromProto(fromJsonString(AuditEntrySchema, line)));
  for (const entry of entries) expect(verifier.add(entry)).toBeUndefined();
  return entries.map(({ number }) => number);
}

async function createPools({ api }: ControllerWorld, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n += 1) await api.pools.createPool({ pool: { name: `pools/p${n}` } });
}

describe('a controller that sends its audit away', () => {
  it(
    'appends it to a file, each entry once, over restarts',
    inWorld(
      async (world) => {
        const file = join(world.folder, 'audit.jsonl');
        const audit = { file, syslog: undefined };
        await world.stop();
        await world.start({ audit });
        await createPools(world, 1, 3);
        expect(await entriesIn(file, 3)).toEqual(upTo(3));
        await world.stop();
        // Without the file: what is written meanwhile is caught up with.
        await world.start();
        await createPools(world, 4, 5);
        await world.stop();
        await world.start({ audit });
        await createPools(world, 6, 6);
        expect(await entriesIn(file, 6)).toEqual(upTo(6));
      },
      { store: 'sqlite' },
    ),
  );

  it(
    'sends it to syslog, and is not kept by a receiver that is not there',
    inWorld(async (world) => {
      const path = join(world.folder, 'log');
      await world.stop();
      await world.start({ audit: { file: undefined, syslog: { kind: 'unix', path } } });
      await createPools(world, 1, 3);
      const receiver = new SyslogReceiver();
      await receiver.listen(path);
      const numbers = await eventually(async () => (receiver.messages.length >= 3 ? receiver.numbers() : undefined));
      expect(numbers).toEqual(upTo(3));
      await receiver.crash();
    }),
  );

  it(
    'says in its status and metrics that a sink takes nothing, and goes on when it does',
    inWorld(async (world) => {
      const folder = join(world.folder, 'not-there');
      const file = join(folder, 'audit.jsonl');
      await world.stop();
      await world.start({ audit: { file, syslog: undefined } });
      await createPools(world, 1, 2);
      const told = await eventually(async () => {
        const { deviations } = await world.api.cluster.getStatus({});
        return deviations.find(({ reason }) => reason === 'AUDIT_BEHIND');
      });
      expect(told.message).toMatch(/^2 entries of the audit wait for file .*: ENOENT/);
      const metrics = await (await fetch(`http://${world.controller.apiAddress}/metrics`)).text();
      expect(metrics).toMatch(/locum_audit_sink_behind_entries\{sink="file .*"\} 2/);
      mkdirSync(folder);
      expect(await entriesIn(file, 2)).toEqual([1, 2]);
      await eventually(async () => {
        const { deviations } = await world.api.cluster.getStatus({});
        return deviations.some(({ reason }) => reason === 'AUDIT_BEHIND') ? undefined : true;
      });
      rmSync(folder, { recursive: true });
    }),
    30_000,
  );
});

/** A leader with these entries, which ends when there are no more. */
function sourceOf(count: number): AuditSource & { readonly opened: number[] } {
  const entries = chainOf(count);
  const heads = [
    { log: 'CHANGES' as const, head: entries.at(-1) ?? { number: 0, hash: '' }, dropped: { number: 0, hash: '' } },
  ];
  const opened: number[] = [];
  async function* news(after: number): AsyncGenerator<AuditNews> {
    yield { kind: 'heads', heads };
    for (const entry of entries.slice(after)) yield { kind: 'entry', entry };
    yield { kind: 'heads', heads };
  }
  return {
    opened,
    heads: () => heads,
    open: ({ CHANGES: after }) => {
      opened.push(after);
      return news(after);
    },
  };
}

const quiet = { warn: () => {}, info: () => {} };

describe('a feed', () => {
  it('shows how far a sink is behind that hangs, and reads no further ahead than one batch', async () => {
    const over = new AbortController();
    let mono = 0;
    const hanging: AuditSink = {
      ...{ name: 'hanging', everywhere: true },
      begin: async () => AUDIT_START,
      write: (entries) => (entries.length === 0 ? Promise.resolve() : new Promise(() => {})),
    };
    const source = sourceOf(1_000);
    const feed = new AuditFeed({ sink: hanging, source, log: quiet, mono: () => mono });
    void feed.run(over.signal);
    await eventually(async () => (source.opened.length > 0 ? true : undefined));
    mono = 60_000;
    expect(feed.status).toMatchObject({ behind: 1_000, stuckMs: 60_000, problem: undefined });
    over.abort();
  });

  it('begins anew from where the sink says that it is, after it failed', async () => {
    const over = new AbortController();
    const taken: number[] = [];
    let failures = 0;
    const failing: AuditSink = {
      ...{ name: 'failing', everywhere: true },
      begin: async () => ({ CHANGES: taken.length, ACCESS: 0 }),
      write: async (entries) => {
        if (entries.length > 0 && failures < 2) {
          failures += 1;
          throw new Error('no room');
        }
        taken.push(...entries.map(({ number }) => number));
      },
    };
    const feed = new AuditFeed({ sink: failing, source: sourceOf(450), log: quiet, mono: () => performance.now() });
    void feed.run(over.signal);
    await eventually(async () => (taken.length >= 450 ? true : undefined));
    expect(taken).toEqual(upTo(450));
    expect(feed.status).toMatchObject({ behind: 0, problem: undefined });
    over.abort();
  });
});

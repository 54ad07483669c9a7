import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fromJsonString } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { AuditVerifier } from '../../../shared/access/audit-verifier.ts';
import { auditEntryFromProto } from '../../../shared/codec/audit.ts';
import { AuditEntrySchema } from '../../../shared/gen/locum/v1/audit_pb.ts';
import { type ControllerWorld, eventually, inWorld } from '../controller-world.ts';
import { upTo } from './entries.ts';
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

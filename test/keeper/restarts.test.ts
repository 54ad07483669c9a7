/** What a keeper knows of its predecessors, and hands on. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { RecordedAttempt } from '../../keeper/core/record.ts';
import { readJournal } from '../../keeper/disk/journal.ts';
import { lineOf } from '../../keeper/disk/journal-codec.ts';
import { OnDisconnect } from '../../shared/gen/locum/v1/policy_pb.ts';
import { isRunning, Rig, withRealKeepers } from './rig.ts';

withRealKeepers();

it('an end that no leader has heard of is known after any number of restarts', async () => {
  const rig = new Rig({ containment: 'process-group' });
  const end = { cause: 'EXITED', detail: '', exitCode: 0, signal: '', proof: 'proof' } as const;
  const attempt: RecordedAttempt = {
    ...{ run: 'nightly-1', epoch: 7, policy: 'nightly', slots: 1, deadline: { mono: 5, boot: 6 } },
    frozen: { onDisconnect: 'STOP', leaseMs: 20_000, stopTimeoutMs: 1_500, killGuardMs: 5_000 },
    place: { pid: 99, startTicks: 1234, cgroup: '' },
    ...{ startWall: 1_700_000_000_000, ended: { end, wall: 1_700_000_001_000 } },
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  };
  const journal = join(rig.stateDir, 'keeper.journal');
  writeFileSync(journal, lineOf({ kind: 'attempt', attempt }));
  const agent = await rig.agent();
  expect(agent.connection.opened.attempts).toMatchObject([{ status: { run: 'nightly-1', end: { exitCode: 0 } } }]);
  const { recovered } = await readJournal(journal);
  expect([...recovered.attempts.values()]).toMatchObject([{ run: 'nightly-1', ended: { end } }]);
});

it.for(['cgroup', 'process-group'] as const)(
  'a keeper whose state directory was emptied under it is ended by the next one, with all that it keeps: %s',
  async (containment) => {
    const rig = new Rig({ containment });
    const agent = await rig.agent();
    const pid = await agent.run({ does: 'sleep 1000 & exec sleep 1000', onDisconnect: OnDisconnect.HOLD });
    const { keeperPid } = agent.connection.opened;
    for (const name of readdirSync(rig.stateDir)) rmSync(join(rig.stateDir, name), { recursive: true });
    const next = await rig.agent();
    expect(next.connection.opened.keeperPid).not.toBe(keeperPid);
    // Not later: what this one says it keeps is all that there is.
    expect([keeperPid, pid].filter(isRunning)).toEqual([]);
    expect(next.connection.opened.attempts).toEqual([]);
  },
);

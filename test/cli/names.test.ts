import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, it, onTestFinished } from 'vitest';
import { resolveRun } from '../../cli/client/names.ts';
import { openTransport } from '../../sdk/typescript/transport.ts';
import { LocumError } from '../../shared/errors.ts';
import { RunSchema } from '../../shared/gen/locum/v1/run_pb.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { toConnectError } from '../../shared/rpc/status-details.ts';
import { fakeApi } from './fake-api.ts';

interface Known {
  readonly id: string;
  readonly policy: string;
  readonly ended?: boolean;
}

/** What `text` names among runs, given newest first as lists have them. */
async function resolved(text: string, known: readonly Known[]): Promise<string> {
  const runs = known.map(({ id, policy, ended }) =>
    create(RunSchema, {
      name: `runs/${id}`,
      policy: `policies/${policy}`,
      ...(ended === true ? { endTime: timestampFromMs(1) } : {}),
    }),
  );
  const api = await fakeApi((router) =>
    router.service(RunService, {
      getRun: ({ name }) => {
        const run = runs.find((one) => one.name === name);
        if (run === undefined) throw toConnectError(new LocumError('NOT_FOUND', 'no', { resource: name }));
        return { run };
      },
      listRuns: () => ({ runs }),
    }),
  );
  const transport = openTransport({ addresses: [api.address], timeoutMs: 5_000 });
  onTestFinished(async () => {
    transport.close();
    await api.close();
  });
  return resolveRun(transport, text);
}

const backup = { id: 'backup-1', policy: 'backup' };
const backup2 = { id: 'backup-2-7', policy: 'backup-2' };

describe('a run on the command line', () => {
  it('is named by the policy that has it alone, also when that begins the name of another policy', async () => {
    expect(await resolved('backup', [backup2, backup])).toBe('runs/backup-1');
    expect(await resolved('policies/backup'.slice('policies/'.length), [backup, backup2])).toBe('runs/backup-1');
    expect(await resolved('backup-2', [backup2, backup])).toBe('runs/backup-2-7');
  });

  it('is named by its policy while that keeps ended runs too: the living one, or else the newest', async () => {
    const old = { id: 'backup-0', policy: 'backup', ended: true };
    expect(await resolved('backup', [backup, old])).toBe('runs/backup-1');
    expect(await resolved('backup', [{ ...backup, ended: true }, old, backup2])).toBe('runs/backup-1');
  });

  it('is named by a beginning that only one has, and by its whole name before all else', async () => {
    expect(await resolved('back', [backup])).toBe('runs/backup-1');
    expect(await resolved('backup-2', [backup, { id: 'backup-2', policy: 'backup' }, backup2])).toBe('runs/backup-2');
  });

  it('is asked for again when several are meant', async () => {
    const other = { id: 'backup-3', policy: 'backup' };
    await expect(resolved('backup', [other, backup])).rejects.toThrow('"backup" begins 2 runs: backup-3, backup-1');
    await expect(resolved('back', [backup2, backup])).rejects.toThrow('begins 2 runs');
    await expect(resolved('nothing', [backup])).rejects.toThrow('no run begins with "nothing"');
  });
});

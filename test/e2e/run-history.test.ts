import { create } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { eventually, useCluster } from './cluster-fixture.ts';
import { runLocum } from './locum-command.ts';

const TEST_TIMEOUT_MS = 60_000;

describe('the history of runs', () => {
  const fixture = useCluster(['a']);

  it('says who created each, when it ran, how long, where and how it ended, also after the controller was killed', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const { cluster, apply, policies, runs } = fixture();
    await apply(
      create(PolicySchema, {
        name: 'policies/job',
        trigger: { kind: { case: 'onDemand', value: {} } },
        restart: { maxFailures: 1 },
        retention: { endedRuns: 3 },
        workload: { kind: { case: 'script', value: { text: 'sleep 0.2; exit "$1"' } } },
      }),
    );
    // Of five, three are kept.
    for (const code of ['0', '0', '0', '7', '0']) {
      const { run } = await policies.startPolicy({ name: 'policies/job', arguments: [code] });
      await eventually(`${run?.name} has ended`, async () => {
        const { run: now } = await runs.getRun({ name: run?.name ?? '' });
        return now?.endTime;
      });
    }
    await cluster.stopController('SIGKILL');
    await cluster.startController();

    const { runs: ended } = await runs.listRuns({ policy: 'policies/job', onlyEnded: true });
    expect(ended.map(({ createCause }) => createCause)).toEqual(['OPERATOR', 'OPERATOR', 'OPERATOR']);
    expect(ended.map(({ attempts }) => attempts[0]?.end?.exitCode)).toEqual([0, 7, 0]);
    for (const { creator, startTime, endTime } of ended) {
      expect(creator).toMatch(/^operator/);
      if (startTime === undefined || endTime === undefined) throw new Error('it has run and ended');
      expect(timestampMs(endTime)).toBeGreaterThan(timestampMs(startTime));
    }
    const { runs: open } = await runs.listRuns({ policy: 'policies/job' });
    expect(open).toEqual([]);

    const [head = '', newest = '', failed = ''] = (
      await runLocum(cluster.address, ['run', 'list', '--policy', 'job', '--ended'])
    ).stdout.split('\n');
    expect(head.trim().split(/ {2,}/)).toEqual([
      ...['RUN', 'STATE', 'CREATED BY', 'STARTED', 'TOOK', 'SERVER', 'ATTEMPTS', 'END'],
    ]);
    expect(newest).toMatch(/^job-\d+ +SUCCEEDED +operator\S* +\d{4}-\S+Z +\d+(\.\d+)?m?s +a +1 +EXITED, exit 0$/);
    expect(failed).toMatch(/FAILED .* a +1 +EXITED, exit 7$/);
    const shown = (await runLocum(cluster.address, ['run', 'show', newest.split(' ')[0] ?? ''])).stdout;
    expect(shown).toMatch(/^created: +\S+ by operator/m);
    expect(shown).toMatch(/^took: +\d/m);
    expect(shown).toMatch(/^logs: +locum run logs job-\d+$/m);
  });
});

import { describe, expect, it } from 'vitest';
import { VerdictAction } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { AttemptState, RunState } from '../../shared/gen/locum/v1/run_pb.ts';
import { eventually, inWorld, SHORT_TIMERS } from './controller-world.ts';

const command = { kind: { case: 'command' as const, value: { argv: ['/bin/sleep', '1000'] } } };

describe('a controller with agents on real sockets', () => {
  it(
    'starts a policy on the primary and, when that falls silent, on the next server in the order',
    inWorld(
      async (world) => {
        const first = await world.liveAgent('web-1');
        const second = await world.liveAgent('web-2');
        await world.api.policies.createPolicy({ policy: { name: 'policies/x', workload: command } });

        const start = await first.next('startAttempt');
        expect(start.policy).toBe('x');
        const runningOn = (server: string) =>
          eventually(async () => {
            const { run } = await world.api.runs.getRun({ name: `runs/${start.run}` });
            return run?.state === RunState.RUNNING && run.server === server ? run : undefined;
          });
        await runningOn('servers/web-1');

        first.silent();
        const silentMs = performance.now();
        const takeover = await second.next('startAttempt');
        const tookMs = performance.now() - silentMs;
        expect(takeover.run).toBe(start.run);
        expect(takeover.epoch).toBeGreaterThan(start.epoch);
        // The last heartbeat was granted at most one interval before the silence.
        expect(tookMs).toBeGreaterThan(SHORT_TIMERS.missingAfterMs - SHORT_TIMERS.heartbeatMs - 20);
        const run = await runningOn('servers/web-2');
        expect(run.attempts.map(({ server, cause }) => `${server} ${cause}`)).toEqual([
          'servers/web-1 START',
          'servers/web-2 RECOVERY',
        ]);
        // Its phases are in the metrics: silence, decision, process.
        const metrics = await (await fetch(`http://${world.controller.apiAddress}/metrics`)).text();
        for (const phase of ['detected', 'decided', 'started'])
          expect(metrics).toContain(`locum_failover_phase_seconds_count{phase="${phase}"} 1`);
        const detected = Number(/^locum_failover_phase_seconds_sum\{phase="detected"\} (\S+)$/m.exec(metrics)?.[1]);
        expect(detected).toBeGreaterThanOrEqual(SHORT_TIMERS.missingAfterMs / 1000);
        expect(metrics).toMatch(/^locum_failover_delay_seconds_count 1$/m);
        expect(metrics).toMatch(/^locum_heartbeat_gap_seconds_count [1-9]/m);
      },
      { store: 'sqlite' },
    ),
  );

  it(
    'that is restarted adopts what runs: nothing is stopped and nothing is moved',
    inWorld(
      async (world) => {
        const agent = await world.liveAgent('web-1');
        await world.api.policies.createPolicy({ policy: { name: 'policies/x', workload: command } });
        const { run, epoch } = await agent.next('startAttempt');
        await eventually(async () => {
          const { runs } = await world.api.runs.listRuns({});
          return runs[0]?.state === RunState.RUNNING ? runs[0] : undefined;
        });

        await world.stop();
        expect((await agent.ended).error?.reason).toBe('NOT_LEADER');
        await world.start();

        const again = world.agent('web-1');
        const attempts = [{ run, epoch, state: AttemptState.RUNNING, pid: 4711, policy: 'x' }];
        const { verdicts } = await again.join({ attempts, highestEpoch: epoch });
        expect(verdicts.map(({ run, epoch, action }) => ({ run, epoch, action }))).toEqual([
          { run, epoch, action: VerdictAction.KEEP },
        ]);
        const shown = await world.api.runs.getRun({ name: `runs/${run}` });
        expect(shown.run?.state).toBe(RunState.RUNNING);
        expect(shown.run?.attemptCount).toBe(1);
      },
      { store: 'sqlite' },
    ),
  );
});

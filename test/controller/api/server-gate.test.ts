import { create } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { serverListView, serverView } from '../../../cli/server/view.ts';
import { CommandOutcome } from '../../../shared/gen/locum/v1/agent_service_pb.ts';
import { HostProblemKind, HostProblemSetSchema } from '../../../shared/gen/locum/v1/host_problem_pb.ts';
import { Gate } from '../../../shared/gen/locum/v1/server_pb.ts';
import { DEFAULT_TIMERS } from '../../../shared/protocol/timers.ts';
import { type ControllerWorld, eventually, inWorld } from '../controller-world.ts';

const workload = { kind: { case: 'command' as const, value: { argv: ['/bin/sleep', '1000'] } } };
const continuous = { kind: { case: 'continuous' as const, value: {} } };
const name = 'servers/a';

/** The server, once its gate is as wanted. */
const serverWith = (world: ControllerWorld, gate: Gate) =>
  eventually(async () => {
    const { server } = await world.api.servers.getServer({ name });
    return server?.gate === gate ? server : undefined;
  });

const gateEvents = async (world: ControllerWorld): Promise<readonly string[]> => {
  const { events } = await world.api.events.listEvents({});
  return events
    .filter(({ type }) => type.startsWith('SERVER_PROBATION') || type.startsWith('SERVER_GATE'))
    .map(({ type, cause }) => `${type} ${cause}`)
    .sort();
};

describe('the gate of a server', { timeout: 60_000 }, () => {
  it(
    'is closed by what its agent says in its Hello, and opened by an empty set in a heartbeat',
    inWorld(
      async (world) => {
        const agent = world.agent('a');
        const problem = { kind: HostProblemKind.NO_SPACE, detail: '/var/lib/locum' };
        await agent.join({ hostProblems: { problems: [problem] } });
        const closed = await serverWith(world, Gate.PROBATION);
        expect(closed.available).toBe(false);
        expect(closed.gateStatus?.problems).toMatchObject([problem]);
        expect(closed.gateStatus?.reason).toContain('NO_SPACE (/var/lib/locum)');
        expect(closed.gateStatus?.sinceTime).toBeDefined();
        const since = closed.gateStatus?.sinceTime;
        expect(since === undefined ? 0 : timestampDate(since).getTime()).toBeGreaterThan(Date.now() - 60_000);
        expect(serverListView([closed]).table({ wide: false })).toContain('PROBATION');
        expect(serverView(closed).table({ wide: false })).toMatch(
          /gate.*PROBATION since .*NO_SPACE \(\/var\/lib\/locum\)/,
        );
        const { deviations } = await world.api.cluster.getStatus({});
        expect(deviations.map(({ reason }) => reason)).toContain('SERVER_PROBATION');

        agent.say({
          case: 'heartbeat',
          value: { sequence: 1n, generation: 1n, hostProblems: create(HostProblemSetSchema) },
        });
        const open = await serverWith(world, Gate.OPEN);
        expect([open.available, open.gateStatus]).toEqual([true, undefined]);
        expect(await gateEvents(world)).toEqual(['SERVER_GATE_OPENED REPORTED', 'SERVER_PROBATION NO_SPACE']);
      },
      { timers: DEFAULT_TIMERS },
    ),
  );

  it(
    'is closed by a refusal for the host, by the kind and whatever the words, and explained',
    inWorld(
      async (world) => {
        const agent = world.agent('a');
        await agent.join();
        agent.heartbeat();
        const words = { reason: 'SOMETHING_ELSE', detail: 'no words of ours' };
        await world.api.policies.createPolicy({ policy: { name: 'policies/p', workload, trigger: continuous } });
        const { commandId } = await agent.next('startAttempt');
        const outcome = CommandOutcome.REFUSED;
        agent.say({
          case: 'commandResult',
          value: { commandId, outcome, ...words, hostProblem: HostProblemKind.NO_DESCRIPTORS },
        });
        const closed = await serverWith(world, Gate.PROBATION);
        expect(closed.gateStatus?.problems).toMatchObject([{ kind: HostProblemKind.NO_DESCRIPTORS }]);
        expect(closed.gateStatus?.untilTime).toBeDefined();
        // It is the only one, so it is used all the same, after a pause.
        const again = await agent.next('startAttempt');
        agent.say({
          case: 'commandResult',
          value: { commandId: again.commandId, outcome: CommandOutcome.APPLIED, pid: 1 },
        });
        await serverWith(world, Gate.OPEN);
        const { runs } = await world.api.runs.listRuns({ policy: 'policies/p' });
        expect(runs[0]?.attempts[0]?.end?.hostProblem).toBe(HostProblemKind.NO_DESCRIPTORS);
      },
      { timers: DEFAULT_TIMERS },
    ),
  );
});

import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { describe, expect, it } from 'vitest';
import { FenceService, FenceVerdict } from '../../../shared/gen/locum/v1/fence_service_pb.ts';
import { RunState } from '../../../shared/gen/locum/v1/run_pb.ts';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { type ControllerWorld, eventually, inWorld } from '../controller-world.ts';

const workload = { kind: { case: 'command' as const, value: { argv: ['/bin/sleep', '1000'] } } };
const continuous = { kind: { case: 'continuous' as const, value: {} } };
const onDemand = { kind: { case: 'onDemand' as const, value: {} } };
const policy = 'policies/p';

const fencesOf = (world: ControllerWorld) => createClient(FenceService, world.api.transport);

/** The newest attempt of the policy's only run, once it runs. */
const runningAttempt = (world: ControllerWorld, after = 0n) =>
  eventually(async () => {
    const { runs } = await world.api.runs.listRuns({ policy });
    const [run] = runs;
    const attempt = run?.attempts.at(-1);
    return run?.state === RunState.RUNNING && attempt !== undefined && attempt.epoch > after
      ? { run: run.name, epoch: attempt.epoch, server: attempt.server }
      : undefined;
  });

const reasonOf = async (call: Promise<unknown>): Promise<string | undefined> =>
  fromConnectError(await call.catch((error: unknown) => error))?.reason;

describe('CheckFence', () => {
  it(
    'says that the newest attempt is current, and after a takeover that it is superseded and by which',
    inWorld(async (world) => {
      const first = await world.liveAgent('a');
      await world.liveAgent('b');
      await world.api.policies.createPolicy({ policy: { name: policy, workload, trigger: continuous } });
      const before = await runningAttempt(world);
      expect(before.server).toBe('servers/a');
      const fences = fencesOf(world);
      expect(await fences.checkFence({ policy, epoch: before.epoch })).toMatchObject({
        current: true,
        verdict: FenceVerdict.CURRENT,
        run: before.run,
        currentEpoch: before.epoch,
        server: 'servers/a',
        term: 1n,
      });

      first.close();
      const after = await runningAttempt(world, before.epoch);
      const old = await fences.checkFence({ policy, epoch: before.epoch, run: before.run });
      expect(old).toMatchObject({
        current: false,
        verdict: FenceVerdict.SUPERSEDED,
        currentEpoch: after.epoch,
        server: 'servers/b',
      });
      expect(old.message).toContain(`epoch ${after.epoch}`);
      expect((await fences.checkFence({ policy, epoch: after.epoch })).current).toBe(true);
    }),
  );

  it(
    'says that an attempt which is proven ended is no longer current',
    inWorld(async (world) => {
      await world.liveAgent('a');
      const { api } = world;
      await api.policies.createPolicy({ policy: { name: policy, workload, trigger: onDemand } });
      await api.policies.startPolicy({ name: policy });
      const { run, epoch } = await runningAttempt(world);
      await api.runs.stopRun({ name: run });
      const ended = await eventually(async () => {
        const answer = await fencesOf(world).checkFence({ policy, epoch });
        return answer.current ? undefined : answer;
      });
      expect(ended).toMatchObject({ verdict: FenceVerdict.ENDED, currentEpoch: epoch, run });
    }),
  );

  it(
    'knows nothing of an epoch that was never made, or that belongs to another policy',
    inWorld(async (world) => {
      await world.liveAgent('a');
      const { policies } = world.api;
      await policies.createPolicy({ policy: { name: policy, workload, trigger: continuous } });
      await policies.createPolicy({ policy: { name: 'policies/q', workload, trigger: onDemand } });
      const { run, epoch } = await runningAttempt(world);
      const fences = fencesOf(world);
      const unknown = { current: false, verdict: FenceVerdict.UNKNOWN, currentEpoch: 0n, run: '', server: '' };
      expect(await fences.checkFence({ policy, epoch: epoch + 1n })).toMatchObject(unknown);
      expect(await fences.checkFence({ policy, epoch: epoch + 1n, run })).toMatchObject(unknown);
      expect(await fences.checkFence({ policy: 'policies/q', epoch })).toMatchObject(unknown);
      expect(await fences.checkFence({ policy: 'policies/q', epoch, run })).toMatchObject(unknown);
    }),
  );

  it(
    'refuses a policy that does not exist, a missing epoch, and names that are none',
    inWorld(async (world) => {
      const fences = fencesOf(world);
      expect(await reasonOf(fences.checkFence({ policy, epoch: 1n }))).toBe('NOT_FOUND');
      expect(await reasonOf(fences.checkFence({ policy }))).toBe('INVALID_FIELD');
      expect(await reasonOf(fences.checkFence({ policy: 'p', epoch: 1n }))).toBe('INVALID_FIELD');
      expect(await reasonOf(fences.checkFence({ policy, epoch: 1n, run: 'p-1' }))).toBe('INVALID_FIELD');
      expect(await reasonOf(fences.checkFence({ policy, epoch: 2n ** 60n }))).toBe('INVALID_FIELD');
    }),
  );

  it(
    'is answered in JSON too, on the same port',
    inWorld(async (world) => {
      await world.api.policies.createPolicy({ policy: { name: policy, workload, trigger: onDemand } });
      const response = await fetch(`http://${world.controller.apiAddress}/locum.v1.FenceService/CheckFence`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ policy, epoch: '7' }),
      });
      expect(await response.json()).toMatchObject({ verdict: 'FENCE_VERDICT_UNKNOWN', term: '1' });
    }),
  );

  it(
    'is UNAVAILABLE from a controller that ends, and right again from the next one',
    inWorld(
      async (world) => {
        await world.api.policies.createPolicy({ policy: { name: policy, workload, trigger: onDemand } });
        const gone = createClient(
          FenceService,
          createGrpcTransport({ baseUrl: `http://${world.controller.apiAddress}` }),
        );
        await world.stop();
        await expect(gone.checkFence({ policy, epoch: 1n })).rejects.toThrow(/unavailable/i);
        await world.start();
        expect(await fencesOf(world).checkFence({ policy, epoch: 1n })).toMatchObject({ current: false, term: 2n });
      },
      { store: 'sqlite' },
    ),
  );
});

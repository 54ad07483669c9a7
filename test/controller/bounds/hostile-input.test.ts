import { create, toBinary } from '@bufbuild/protobuf';
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { UpdatePolicyRequestSchema } from '../../../shared/gen/locum/v1/policy_service_pb.ts';
import { AttemptEndSchema, AttemptState, EndCause } from '../../../shared/gen/locum/v1/run_pb.ts';
import { LIMITS } from '../../../shared/limits.ts';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { type ControllerWorld, eventually, inWorld } from '../controller-world.ts';
import type { ScriptedAgent } from '../scripted-agent.ts';

const command = { kind: { case: 'command' as const, value: { argv: ['/bin/sleep', '1000'] } } };
const onDemand = { kind: { case: 'onDemand' as const, value: {} } };
const errorOf = async (call: Promise<unknown>) => fromConnectError(await call.catch((error: unknown) => error));

/** A policy that runs on this agent, and the attempt. */
async function running(world: ControllerWorld, agent: ScriptedAgent, policy: string) {
  await world.api.policies.createPolicy({
    policy: { name: `policies/${policy}`, workload: command, servers: [`servers/${agent.server}`] },
  });
  return agent.next('startAttempt');
}

async function listsAsJson(world: ControllerWorld): Promise<number[]> {
  const methods = ['RunService/ListRuns', 'PolicyService/ListPolicies', 'ServerService/ListServers'];
  const answers = methods.map((method) =>
    fetch(`http://${world.controller.apiAddress}/locum.v1.${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    }),
  );
  return (await Promise.all(answers)).map(({ status }) => status);
}

describe('an agent that lies about times', () => {
  for (const [what, seconds] of [
    ['2^63 − 1', 2n ** 63n - 1n],
    ['the year 10000', 253_402_300_800n],
    ['before 1970', -1n],
  ] as const) {
    it(
      `loses its own stream, and nobody else anything: ${what}`,
      inWorld(async (world) => {
        const [honest, liar] = [await world.liveAgent('honest'), await world.liveAgent('liar')];
        await running(world, honest, 'good');
        const { run, epoch } = await running(world, liar, 'bad');
        const startTime = { seconds, nanos: 0 };
        liar.say({
          case: 'attemptReport',
          value: { attempts: [{ run, epoch, state: AttemptState.RUNNING, startTime }] },
        });
        const { error } = await liar.ended;
        expect(error?.reason).toBe('INVALID_FIELD');
        expect(error?.fieldViolations[0]?.field).toBe('attempts[0].start_time');
        expect(await listsAsJson(world)).toEqual([200, 200, 200]);
        honest.heartbeat();
        await honest.next('grant');
      }),
      15_000,
    );
  }

  it(
    'in an inventory is told so in the answer to its Hello',
    inWorld(async (world) => {
      const agent = world.agent('liar');
      const endTime = { seconds: 1n, nanos: 2_000_000_000 };
      agent.hello({ attempts: [{ run: 'x-1', epoch: 1n, state: AttemptState.ENDED, endTime }] });
      expect((await agent.ended).error?.fieldViolations[0]?.field).toBe('attempts[0].end_time');
    }),
  );
});

describe('what an agent tells of a process', () => {
  it(
    'is escaped: a terminal that shows it later does nothing',
    inWorld(async (world) => {
      const agent = await world.liveAgent('a');
      const { run, epoch } = await running(world, agent, 'x');
      const detail = '\u001b]52;c;cm0gLXJmIC8=\u0007 gone\n';
      const end = create(AttemptEndSchema, { cause: EndCause.EXITED, exitCode: 1, detail });
      agent.say({ case: 'attemptReport', value: { attempts: [{ run, epoch, state: AttemptState.ENDED, end }] } });
      const shown = await eventually(async () => {
        const found = (await world.api.runs.getRun({ name: `runs/${run}` })).run?.attempts.find(
          (one) => one.epoch === epoch,
        );
        return found?.end;
      });
      expect(shown.detail).toBe('\\e]52;c;cm0gLXJmIC8=\\x07 gone\\n');
    }),
  );
});

describe('a request of nothing but parts', () => {
  it(
    'is refused before anything walks it: 700,000 unknown paths of an update_mask',
    inWorld(async (world) => {
      const { apiAddress } = world.controller;
      const message = create(UpdatePolicyRequestSchema, { policy: { name: 'policies/x' } });
      const paths = toBinary(
        FieldMaskSchema,
        create(FieldMaskSchema, { paths: Array.from({ length: 600_000 }, () => 'x') }),
      );
      const head = toBinary(UpdatePolicyRequestSchema, message);
      const length = [0x12, ...varint(paths.length)];
      const body = Buffer.concat([head, Buffer.from(length), paths]);
      expect(body.length).toBeLessThan(LIMITS.requestBytes);
      const answer = await fetch(`http://${apiAddress}/locum.v1.PolicyService/UpdatePolicy`, {
        method: 'POST',
        headers: { 'content-type': 'application/proto' },
        body,
      });
      expect(answer.status).toBe(400);
      expect(await answer.text()).toContain('more than 25000 values');
    }),
  );

  it(
    'gets at most twenty violations',
    inWorld(async ({ api: { policies } }) => {
      const mask = { paths: Array.from({ length: LIMITS.maskPaths }, (_, i) => `x${i}`) };
      const error = await errorOf(policies.updatePolicy({ policy: { name: 'policies/x' }, updateMask: mask }));
      expect(error?.fieldViolations.length).toBeLessThanOrEqual(LIMITS.violations);
      expect(error?.fieldViolations.at(-1)?.description).toMatch(/^and \d+ more$/);
    }),
  );

  it(
    'with an odd time and a request_id is told the field, and is no defect',
    inWorld(async ({ api: { policies } }) => {
      const policy = { name: 'policies/x', workload: command, trigger: onDemand, createTime: { seconds: 2n ** 62n } };
      const error = await errorOf(policies.createPolicy({ policy, requestId: 'r-1' }));
      expect(error?.fieldViolations.map(({ field }) => field)).toEqual(['policy.create_time']);
    }),
  );
});

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 0x80, ...varint(Math.floor(value / 128))];
}

import { describe, expect, it } from 'vitest';
import { type ControllerWorld, inWorld } from '../controller-world.ts';

const call = async (world: ControllerWorld, method: string, body: string) => {
  const response = await fetch(`http://${world.controller.apiAddress}/locum.v1.${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  return { status: response.status, body: await response.json() };
};

const page = async (world: ControllerWorld, path: string) => {
  const response = await fetch(`http://${world.controller.apiAddress}${path}`);
  return { status: response.status, text: await response.text() };
};

describe('the API with curl', () => {
  it(
    'takes JSON as the proto defines it',
    inWorld(async (world) => {
      const policy = {
        name: 'policies/nightly',
        workload: { script: { text: 'echo hello' } },
        trigger: { schedule: { cron: '0 3 * * *', timeZone: 'Europe/Berlin', missed: 'MISSED_RUN_ONCE' } },
        stopTimeout: '30s',
        onDisconnect: 'ON_DISCONNECT_HOLD',
      };
      const created = await call(world, 'PolicyService/CreatePolicy', JSON.stringify({ policy }));
      expect(created.status).toBe(200);
      expect(created.body.policy).toMatchObject({
        ...policy,
        workload: { script: { text: 'echo hello', interpreter: ['/bin/sh'] } },
      });
      expect(Date.parse(created.body.policy.nextTickTime)).toBeGreaterThan(Date.now());
    }),
  );

  it(
    'refuses fields that it does not know, by name',
    inWorld(async (world) => {
      const typo = { policy: { name: 'policies/x', workload: { command: { argv: ['/bin/true'] } }, priorty: 7 } };
      const { status, body } = await call(world, 'PolicyService/CreatePolicy', JSON.stringify(typo));
      expect(status).toBe(400);
      expect(body.message).toContain('priorty');
      expect(JSON.stringify(body.details)).toContain('INVALID_FIELD');
      expect((await call(world, 'PolicyService/ListPolicies', '{}')).body).toEqual({});
    }),
  );

  it(
    'answers what is no JSON, no method and no service with an error that says so',
    inWorld(async (world) => {
      expect((await call(world, 'PolicyService/GetPolicy', '{')).status).toBe(400);
      expect((await call(world, 'PolicyService/GetNothing', '{}')).status).toBe(404);
      const missing = await call(world, 'PolicyService/GetPolicy', '{"name":"policies/none"}');
      expect(missing).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }),
  );

  it(
    'has pages for probes and scrapers',
    inWorld(async (world) => {
      await world.liveAgent('a');
      expect(await page(world, '/healthz')).toEqual({ status: 200, text: 'ok\n' });
      expect(await page(world, '/livez')).toEqual({ status: 200, text: 'ok\n' });
      expect(await page(world, '/readyz')).toEqual({ status: 200, text: 'leader\n' });
      const { text } = await page(world, '/metrics');
      const metrics = [
        'locum_leader 1',
        'locum_sessions 1',
        'locum_servers{liveness="ALIVE"} 1',
        'locum_servers{liveness="MISSING"} 0',
        'locum_runs{state="RUNNING"} 0',
        'locum_available_servers 1',
        'locum_queued_runs{reason="NO_ROOM"} 0',
        'locum_queue_oldest_seconds 0',
        'locum_queued_runs_oldest_seconds{reason="NO_ROOM"} 0',
        'locum_policy_outcomes{outcome="NONE"} 0',
        'locum_failover_phase_seconds_count{phase="started"} 0',
        'locum_deviations{reason="STORE_REFUSES"} 0',
        'locum_deviations{reason="LAST_RUN_FAILED"} 0',
      ];
      for (const line of metrics) expect(text.split('\n')).toContain(line);
      expect(text).toMatch(/^locum_commits_total [1-9]/m);
      // A heartbeat may wait at this very moment.
      expect(text).toMatch(/^locum_mailbox_depth \d+$/m);
      expect(text).toMatch(/^locum_loop_lag_seconds_count /m);
      expect(text).toMatch(/^process_resident_memory_bytes [1-9]/m);
      expect(text).toMatch(/^locum_failover_delay_seconds_count 0$/m);
    }),
  );
});

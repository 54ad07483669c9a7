import { createClient, createRouterTransport, type Interceptor } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { denialInterceptor } from '../../../controller/access/access-audit.ts';
import { AccessNotes } from '../../../controller/access/access-notes.ts';
import { ANYBODY } from '../../../shared/access/principal.ts';
import { LocumError } from '../../../shared/errors.ts';
import { PolicyService } from '../../../shared/gen/locum/v1/policy_service_pb.ts';
import { ACTOR_HEADER } from '../../../shared/rpc/actor-header.ts';
import { callerKey } from '../../../shared/rpc/caller.ts';
import { errorInterceptor } from '../../../shared/rpc/error-interceptor.ts';
import { type ControllerWorld, eventually, inWorld } from '../controller-world.ts';

const ann = { headers: { [ACTOR_HEADER]: 'ann' } };

/** Entries of the log ACCESS once there are so many, oldest first. */
const accessed = (world: ControllerWorld, count: number) =>
  eventually(async () => {
    const { entries } = await world.api.audit.listAuditEntries({ log: 'ACCESS' });
    return entries.length >= count ? entries.toReversed() : undefined;
  });

describe('the audit of access', () => {
  it(
    'has requests that are refused for their origin, as one entry with a count',
    inWorld(async (world) => {
      for (let n = 0; n < 50; n += 1) {
        const response = await fetch(`http://${world.controller.apiAddress}/locum.v1.PolicyService/StartPolicy`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', origin: 'https://evil.example' },
          body: '{}',
        });
        expect(response.status).toBe(403);
      }
      const entries = await accessed(world, 1);
      expect(entries[0]).toMatchObject({
        ...{ kind: 'DENIAL', method: 'locum.v1.PolicyService/StartPolicy', outcome: 'ORIGIN_NOT_ALLOWED' },
        ...{ source: '127.0.0.1', principal: '' },
      });
      // Refusals change nothing, and take no room from changes.
      expect((await world.api.audit.listAuditEntries({ log: 'CHANGES' })).entries).toEqual([]);
    }),
  );

  it(
    'has who saved a snapshot, before it is all read',
    inWorld(async (world) => {
      for await (const { data } of world.api.cluster.saveSnapshot({}, ann)) expect(data.length).toBeGreaterThan(0);
      expect(await accessed(world, 1)).toMatchObject([
        { kind: 'READ', principal: 'operator:ann', method: 'locum.v1.ClusterService/SaveSnapshot', outcome: 'OK' },
      ]);
    }),
  );

  it(
    'has who read the output of which run, and nothing of who asked for output that is not there',
    inWorld(async (world) => {
      const agent = await world.liveAgent('a');
      agent.call.on('data', ({ message }) => {
        if (message.case !== 'readOutput') return;
        const data = new TextEncoder().encode('secret');
        agent.say({
          case: 'outputChunk',
          value: { requestId: message.value.requestId, offset: 0n, data, size: 6n, end: true },
        });
      });
      await world.api.policies.createPolicy({
        policy: { name: 'policies/x', workload: { kind: { case: 'command', value: { argv: ['/bin/true'] } } } },
      });
      const { run } = await agent.next('startAttempt');
      const missing = async (): Promise<void> => {
        for await (const _ of world.api.runs.streamOutput({ name: 'runs/y-9' }, ann)) void _;
      };
      await expect(missing()).rejects.toThrow(/runs\/y-9/);
      for await (const { data } of world.api.runs.streamOutput({ name: `runs/${run}` }, ann)) {
        expect(new TextDecoder().decode(data)).toBe('secret');
      }
      expect(await accessed(world, 1)).toMatchObject([
        {
          kind: 'READ',
          principal: 'operator:ann',
          method: 'locum.v1.RunService/StreamOutput',
          resource: `runs/${run}`,
        },
      ]);
    }),
  );

  it(
    'reaches the store of a controller that ends at once',
    inWorld(
      async (world) => {
        await fetch(`http://${world.controller.apiAddress}/healthz`, { headers: { origin: 'https://evil.example' } });
        await world.stop();
        await world.start();
        expect(await accessed(world, 1)).toMatchObject([{ kind: 'DENIAL', method: 'healthz' }]);
      },
      { store: 'sqlite' },
    ),
  );

  it('has calls that are refused for want of permission, with whom and about what', async () => {
    const notes = new AccessNotes();
    const byAnn: Interceptor = (next) => (request) => {
      request.contextValues.set(callerKey, { principal: ANYBODY, actor: 'operator:ann', source: '' });
      return next(request);
    };
    // Stands for whatever comes to refuse calls: what it throws is all that is looked at.
    const transport = createRouterTransport(
      ({ service }) =>
        service(PolicyService, {
          startPolicy: () => {
            throw new LocumError('HOST_NOT_ALLOWED', 'no', {});
          },
          stopPolicy: ({ name }) => {
            throw new LocumError('POLICY_PAUSED', name);
          },
        }),
      { router: { interceptors: [byAnn, errorInterceptor(() => {}), denialInterceptor(notes)] } },
    );
    const client = createClient(PolicyService, transport);
    await expect(client.startPolicy({ name: 'policies/x' })).rejects.toThrow(/no/);
    await expect(client.stopPolicy({ name: 'policies/x' })).rejects.toThrow(/policies\/x/);
    expect(notes.take(0)).toMatchObject([
      { kind: 'DENIAL', principal: 'operator:ann', resource: 'policies/x', outcome: 'HOST_NOT_ALLOWED', count: 1 },
    ]);
  });

  it(
    'is written for other controllers, each batch once, and only what they may say',
    inWorld(async (world) => {
      const client = world.api.audit;
      const note = { kind: 'DENIAL', principal: 'operator:eve', outcome: 'PERMISSION_DENIED', count: 3n };
      const at = { firstTime: { seconds: 1n, nanos: 0 }, lastTime: { seconds: 2n, nanos: 0 } };
      const request = { notes: [{ ...note, ...at }], requestId: 'access-1' };
      await client.recordAccess(request);
      await client.recordAccess(request);
      const entries = await accessed(world, 1);
      expect(entries).toMatchObject([{ ...note, log: 'ACCESS', number: 1n }]);
      await expect(client.recordAccess({ notes: [{ ...note, ...at, kind: 'RESTORE' }] })).rejects.toThrow(
        /notes\[0\]\.kind/,
      );
      await expect(client.recordAccess({ notes: [note] })).rejects.toThrow(/notes\[0\]\.first_time/);
    }),
  );
});

/** The agent listener with TLS, and the agent's own dial, over real sockets. */
import { create } from '@bufbuild/protobuf';
import type { ServiceError } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dialCredentials, NAMED } from '../../../agent/connection.ts';
import type { AgentDenial } from '../../../controller/access/agent-denial.ts';
import { startAgentListener } from '../../../controller/agents/agent-listener.ts';
import { AgentStreams } from '../../../controller/agents/agent-streams.ts';
import type { Event } from '../../../controller/core/cluster/event.ts';
import { systemClock } from '../../../controller/engine/clock.ts';
import { ControllerMetrics } from '../../../controller/metrics.ts';
import type { PeerIdentity } from '../../../shared/access/identity.ts';
import type { PeerRule } from '../../../shared/access/peer-judge.ts';
import { LocumError } from '../../../shared/errors.ts';
import { AgentService, RenewCertificateRequestSchema } from '../../../shared/gen/locum/v1/agent_service_pb.ts';
import { Authority, makeAuthority } from '../../../shared/pki/authority.ts';
import { makeRequest } from '../../../shared/pki/key-pair.ts';
import { caHashesOf } from '../../../shared/pki/roots.ts';
import { ISSUER_FACT } from '../../../shared/protocol/certificate-facts.ts';
import { clientOptions } from '../../../shared/rpc/channel-options.ts';
import { callUnary, makeClient } from '../../../shared/rpc/grpc-js-binding.ts';
import { fromGrpcError } from '../../../shared/rpc/grpc-status.ts';
import { HealthTable } from '../../../shared/rpc/health.ts';
import type { TurnedAway } from '../../../shared/rpc/tls-door.ts';
import { TlsIdentity, type TlsMaterial } from '../../../shared/rpc/tls-identity.ts';
import { DAY, HOUR } from '../../../shared/time.ts';
import { SILENT } from '../replication/leaders-seen.ts';
import { dialled, reasonOfEnd } from './dialled-agent.ts';

const web1: PeerIdentity = { clusterId: 'c', kind: 'server', name: 'web-1' };
const c1: PeerIdentity = { clusterId: 'c', kind: 'controller', name: 'c1' };

async function authority(): Promise<Authority> {
  return Authority.open(await makeAuthority('c', Date.now() - 3 * DAY));
}

interface Made {
  readonly by: Authority;
  /** Whose root it trusts. Default: who signed. */
  readonly trusts?: Authority;
  readonly nowMs?: number;
  readonly lifeMs?: number;
}

async function material(
  identity: PeerIdentity,
  { by, trusts = by, nowMs = Date.now(), ...life }: Made,
): Promise<TlsMaterial> {
  const { csrPem, keyPem } = await makeRequest();
  const { certPem } = await by.sign({ csrPem, identity, nowMs, ...life });
  return { certPem, keyPem, rootsPem: trusts.certPem };
}

interface World {
  readonly endpoint: string;
  readonly refusals: TurnedAway[];
  readonly hellos: string[];
  readonly identity: TlsIdentity;
  readonly denials: AgentDenial[];
  /** Who asked for a new certificate. */
  readonly renewals: string[];
  /** What the controller does each second. */
  readonly endFallen: () => void;
}

async function listening(own: TlsMaterial, more: Partial<PeerRule> = {}): Promise<World> {
  const [refusals, hellos]: [TurnedAway[], string[]] = [[], []];
  const shared = { clock: systemClock, log: SILENT, metrics: new ControllerMetrics() };
  const [denials, renewals]: [AgentDenial[], string[]] = [[], []];
  const denied = (denial: AgentDenial): void => void denials.push(denial);
  const streams = new AgentStreams({ ...shared, owner: { cut: () => undefined }, denied });
  const post = (event: Event): boolean => {
    if (event.kind === 'hello') hellos.push(event.hello.server);
    return true;
  };
  streams.attach({ term: 1, post });
  const identity = new TlsIdentity(own);
  const rule = (): PeerRule => ({ clusterId: 'c', kinds: ['server'], ...more });
  const listener = await startAgentListener({
    ...{ host: '127.0.0.1', port: 0, health: new HealthTable([]) },
    onConnect: (call, peer) => streams.accept(call, peer),
    renew: (_, peer) => {
      renewals.push(peer?.identity.name ?? '');
      return Promise.reject(new LocumError('NO_AUTHORITY', 'not here'));
    },
    tls: { identity, rule, refused: (refused) => void refusals.push(refused) },
  });
  onTestFinished(() => listener.close(0));
  const endFallen = (): void =>
    streams.distrust(new Set(listener.retireFallen()), caHashesOf(identity.material.rootsPem));
  return { endpoint: `127.0.0.1:${listener.port}`, refusals, hellos, identity, denials, renewals, endFallen };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('an agent with a certificate of this cluster', () => {
  it('says Hello under the name of its certificate', async () => {
    const by = await authority();
    const world = await listening(await material(c1, { by }));
    const { next, hello } = dialled(world.endpoint, await material(web1, { by }));
    expect(await next()).toMatchObject({ kind: 'connected' });
    hello('web-1');
    await until(() => world.hellos.length > 0);
    expect(world).toMatchObject({ hellos: ['web-1'], refusals: [] });
  });

  it('is refused under another name, and before anything that it says counts', async () => {
    const by = await authority();
    const world = await listening(await material(c1, { by }));
    const { next, hello } = dialled(world.endpoint, await material(web1, { by }));
    await next();
    hello('web-2');
    expect(await reasonOfEnd(next)).toContain('WRONG_IDENTITY: its certificate is that of server web-1');
    expect(world.hellos).toEqual([]);
  });

  it('is refused in another pool than that of its certificate', async () => {
    const by = await authority();
    const world = await listening(await material(c1, { by }));
    const { next, hello } = dialled(world.endpoint, await material({ ...web1, pool: 'edge' }, { by }));
    await next();
    hello('web-1', 'core');
    expect(await reasonOfEnd(next)).toContain('WRONG_IDENTITY: the certificate of web-1 is for pool edge');
    expect(world.hellos).toEqual([]);
  });
});

describe('the agent listener refuses', () => {
  it.each<[string, Partial<Made>, Partial<PeerIdentity>, Partial<PeerRule>]>([
    ['EXPIRED', { nowMs: Date.now() - 2 * DAY, lifeMs: HOUR }, {}, {}],
    ['NOT_YET_VALID', { nowMs: Date.now() + DAY }, {}, {}],
    ['OTHER_CLUSTER', {}, { clusterId: 'd' }, {}],
    ['WRONG_KIND', {}, { kind: 'user' }, {}],
    ['WRONG_NAME', {}, {}, { name: 'web-2' }],
  ])('with %s', async (reason, made, changed, rule) => {
    const by = await authority();
    const world = await listening(await material(c1, { by }), rule);
    const { next } = dialled(world.endpoint, await material({ ...web1, ...changed }, { by, ...made }));
    await reasonOfEnd(next);
    expect(world.refusals.map((refused) => refused.reason)).toContain(reason);
  });

  it('a certificate of another authority, and an agent without TLS', async () => {
    const [by, other] = [await authority(), await authority()];
    const world = await listening(await material(c1, { by }));
    await reasonOfEnd(dialled(world.endpoint, await material(web1, { by: other, trusts: by })).next);
    expect(world.refusals.map((refused) => refused.reason)).toContain('UNKNOWN_AUTHORITY');
    expect(await reasonOfEnd(dialled(world.endpoint, undefined).next)).toMatch(/^TLS_REQUIRED: .*locum agent join/);
    expect(world.refusals.map((refused) => refused.reason)).toContain('HANDSHAKE_FAILED');
    expect(world.hellos).toEqual([]);
  });
});

describe('an agent refuses a controller', () => {
  it.each<[string, Partial<Made>, PeerIdentity, Partial<PeerRule>]>([
    ['OTHER_CLUSTER', {}, { ...c1, clusterId: 'd' }, {}],
    ['certificate has expired', { nowMs: Date.now() - 2 * DAY, lifeMs: HOUR }, c1, {}],
    ['certificate is not yet valid', { nowMs: Date.now() + DAY }, c1, {}],
    ['WRONG_NAME', {}, c1, { name: 'c2' }],
  ])('with %s', async (reason, made, identity, wanted) => {
    const by = await authority();
    const world = await listening(await material(identity, { by, ...made }));
    const { next } = dialled(world.endpoint, await material(web1, { by }), wanted);
    expect(await reasonOfEnd(next)).toContain(reason);
  });

  it('that is another server with a certificate of the same authority', async () => {
    const by = await authority();
    const world = await listening(await material({ ...web1, name: 'web-2' }, { by }));
    const { next } = dialled(world.endpoint, await material(web1, { by }));
    expect(await reasonOfEnd(next)).toContain('no connection');
    expect(world.hellos).toEqual([]);
  });

  it('that speaks no TLS', async () => {
    const listener = await startAgentListener({
      ...{ host: '127.0.0.1', port: 0, health: new HealthTable([]), onConnect: () => undefined },
    });
    onTestFinished(() => listener.close(0));
    const { next } = dialled(`127.0.0.1:${listener.port}`, await material(web1, { by: await authority() }));
    expect(await reasonOfEnd(next)).toContain('(NO_TLS)');
  });

  it('of another authority', async () => {
    const [by, other] = [await authority(), await authority()];
    const world = await listening(await material(c1, { by: other, trusts: by }));
    expect(await reasonOfEnd(dialled(world.endpoint, await material(web1, { by })).next)).toContain('certificate');
  });
});

it('a certificate that is replaced is shown from the next connection on, and open streams go on', async () => {
  const [old, young] = [await authority(), await authority()];
  const both = { certPem: `${young.certPem}${old.certPem}` };
  const rootsPem = both.certPem;
  const world = await listening({ ...(await material(c1, { by: old })), rootsPem });
  const first = dialled(world.endpoint, await material(web1, { by: old }));
  await first.next();
  world.identity.replace({ ...(await material(c1, { by: young })), rootsPem });
  const second = dialled(world.endpoint, await material({ ...web1, name: 'web-2' }, { by: young }));
  expect(await second.next()).toMatchObject({ kind: 'connected' });
  second.hello('web-2');
  first.hello('web-1');
  await until(() => world.hellos.length === 2);
  expect(world.hellos.toSorted()).toEqual(['web-1', 'web-2']);
});

describe('when a root is trusted no more', () => {
  async function world() {
    const [old, young] = [await authority(), await authority()];
    const rootsPem = young.certPem + old.certPem;
    const listens = await listening({ ...(await material(c1, { by: young })), rootsPem });
    const drop = async (): Promise<void> => listens.identity.replace(await material(c1, { by: young }));
    const dial = async (name: string, by: Authority) => {
      const agent = dialled(listens.endpoint, { ...(await material({ ...web1, name }, { by })), rootsPem });
      await agent.next();
      return agent;
    };
    return { ...listens, old, young, rootsPem, drop, dial };
  }

  it('streams that only it stood for end with a reason, and one is told of whose agent has no newer certificate', async () => {
    const { old, young, drop, dial, hellos, denials, endFallen } = await world();
    const [behind, renewed, other] = [await dial('web-1', old), await dial('web-2', old), await dial('web-3', young)];
    behind.hello('web-1');
    renewed.hello('web-2', 'default', [
      { name: ISSUER_FACT, value: caHashesOf(young.certPem).join(), source: 'FINGERPRINT' },
    ]);
    other.hello('web-3');
    await until(() => hellos.length === 3);
    endFallen();
    await drop();
    endFallen();
    for (const { next } of [behind, renewed])
      expect(await reasonOfEnd(next)).toContain('UNKNOWN_AUTHORITY: the authority');
    expect(denials).toMatchObject([{ reason: 'UNKNOWN_AUTHORITY', resource: 'servers/web-1', holder: 'web-1' }]);
    const first = other.next();
    other.beat(1);
    endFallen();
    expect(await Promise.race([first, dial('web-4', young).then(() => 'still there')])).toBe('still there');
  });

  it('no certificate is renewed over a connection that it let in, and who dials anew is refused at the door', async () => {
    const { old, drop, endpoint, refusals, renewals, rootsPem } = await world();
    const rule: PeerRule = { clusterId: 'c', kinds: ['controller'] };
    const shown = await material(web1, { by: old });
    const identity = new TlsIdentity({ ...shown, rootsPem });
    const client = makeClient(AgentService, endpoint, dialCredentials({ identity, rule }), {
      ...clientOptions,
      ...NAMED,
    });
    onTestFinished(() => client.close());
    const renew = () =>
      callUnary(client, AgentService.method.renewCertificate, create(RenewCertificateRequestSchema, {}), 5_000);
    await expect(renew()).rejects.toThrow('not here');
    await drop();
    await expect(renew()).rejects.toThrow('UNAVAILABLE: Connection dropped');
    await reasonOfEnd(dialled(endpoint, { ...shown, rootsPem }).next);
    await until(() => refusals.length > 0);
    expect({ renewals, refused: refusals[0]?.reason }).toEqual({ renewals: ['web-1'], refused: 'UNKNOWN_AUTHORITY' });
  });
});

it('a connection that outlives the certificate that it was opened with opens no further stream, and renews nothing', async () => {
  const by = await authority();
  let isOver = false;
  const [refusals, streams]: [TurnedAway[], string[]] = [[], []];
  const listener = await startAgentListener({
    ...{ host: '127.0.0.1', port: 0, health: new HealthTable([]) },
    onConnect: (call, peer) => {
      streams.push(peer?.identity.name ?? '');
      call.end();
    },
    renew: async () => ({ certificate: 'CERT', roots: 'ROOT' }),
    tls: {
      identity: new TlsIdentity(await material(c1, { by })),
      rule: () => ({ clusterId: 'c', kinds: isOver ? [] : ['server'] }),
      refused: (refused) => void refusals.push(refused),
    },
  });
  onTestFinished(() => listener.close(0));
  const identity = new TlsIdentity(await material(web1, { by }));
  const credentials = dialCredentials({ identity, rule: { clusterId: 'c', kinds: ['controller'] } });
  const client = makeClient(AgentService, `127.0.0.1:${listener.port}`, credentials, { ...clientOptions, ...NAMED });
  onTestFinished(() => client.close());
  const renew = () =>
    callUnary(client, AgentService.method.renewCertificate, create(RenewCertificateRequestSchema), 5_000);
  expect(await renew()).toMatchObject({ certificate: 'CERT' });
  isOver = true;
  const refused = await renew().catch((error: ServiceError) => fromGrpcError(error));
  expect(refused).toMatchObject({ reason: 'UNAUTHENTICATED' });
  const bytes = (message: Buffer): Buffer => message;
  const stream = client.makeBidiStreamRequest('/locum.v1.AgentService/Connect', bytes, bytes);
  const ended = Promise.withResolvers<ServiceError>();
  stream.on('data', () => undefined).on('error', ended.resolve);
  expect(fromGrpcError(await ended.promise)).toMatchObject({ reason: 'UNAUTHENTICATED' });
  expect(streams).toEqual([]);
  const turnedAway = { reason: 'WRONG_KIND', certificate: 'server/web-1' };
  expect(refusals).toMatchObject([turnedAway, turnedAway]);
});

/**
 * Members of etcd that lose each other, while every client reaches each of them: real processes, and real cables (member-network.ts).
 * A member that is cut off from the others still takes connections, and knows only what it knew.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { present } from '../../shared/assert.ts';
import { networkObstacle } from '../faults/namespace.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { ask, base64 } from './etcd-json.ts';
import { MemberNetwork } from './member-network.ts';
import { ReplicatedCluster, TTL_MS } from './replicated-cluster.ts';
import { Writer } from './writer.ts';

const SERVERS = ['s1', 's2', 's3'];
const POLICIES = 6;
/** The lease outlives a moment without a majority, and the seconds in which TCP between the members comes back from it. */
const TIMERS_MS = { heartbeat: 1_000, suspect: 15_000, lease: 20_000, stop: 2_000, guard: 1_000, missing: 45_000 };
/** Linearizable reads are asked for this long; etcd itself gives up later. */
const ASK_MS = 1_500;
/** What was decided before a cut is known to its writer by then. */
const ANSWERED_MS = 500;
/** In which the member that the controllers ask shows by its count of requests. */
const COUNT_MS = 1_000;

interface Made {
  readonly cluster: ReplicatedCluster;
  readonly writer: Writer;
}

/** A line for each fault, printed at the end. */
const figures: string[] = [];
let network: MemberNetwork | undefined;
let made: Made | undefined;
const world = (): Made => present(made, 'a cluster');
const cables = (): MemberNetwork => present(network, 'a network');

const obstacle = (): string | undefined => etcdMissing() ?? networkObstacle();

async function start(hosts: MemberNetwork['hosts']): Promise<void> {
  const cluster = await ReplicatedCluster.start(['c1', 'c2', 'c3'], { timersMs: TIMERS_MS, etcdHosts: hosts });
  made = { cluster, writer: new Writer(cluster) };
  for (const server of SERVERS) cluster.startAgent(server);
  await cluster.allGranted();
  for (let i = 0; i < POLICIES; i += 1) {
    // Two for each server, so that each has something to lose.
    const servers = [...SERVERS.slice(i % 3), ...SERVERS.slice(0, i % 3)].map((server) => `servers/${server}`);
    const policy = cluster.witness.lasting(`p${i}`, { pool: 'pools/default', servers });
    await cluster.api.policies.createPolicy({ policy });
  }
  await cluster.until('all policies run', async () => (said('start') === POLICIES ? true : undefined));
  await cluster.etcd.allReady();
  made.writer.begin();
}

/** How often the lasting policies said this. */
const said = (what: string): number =>
  world()
    .cluster.witness.all()
    .filter((one) => /^p\d/.test(one.run) && one.what === what).length;

const harm = () => ({ starts: said('start'), stops: said('stop'), overlaps: said('overlap') });
const NONE = { starts: POLICIES, stops: 0, overlaps: 0 };

const member = (index: number): string => present(world().cluster.etcd.endpoints[index], 'a member');

/** Requests of clients that each member has had. */
async function requests(): Promise<number[]> {
  const texts = world().cluster.etcd.endpoints.map(async (endpoint) =>
    (await fetch(`http://${endpoint}/metrics`)).text(),
  );
  return (await Promise.all(texts)).map((text) => {
    const lines = text.split('\n').filter((line) => line.startsWith('etcd_server_client_requests_total{'));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  });
}

/** Whom the controllers ask: the one whose loss they notice most. */
async function mostAsked(): Promise<number> {
  const before = await requests();
  await sleep(COUNT_MS);
  const grown = (await requests()).map((count, i) => count - (before[i] ?? 0));
  return grown.indexOf(Math.max(...grown));
}

async function leadEtcd(index: number): Promise<void> {
  const { cluster } = world();
  const status = () => Promise.all(cluster.etcd.endpoints.map((one) => ask(one, 'maintenance/status', {})));
  const known = await status();
  const id = known[index]?.header?.member_id;
  const leader = known.findIndex(({ header, leader: leading }) => header?.member_id === leading);
  if (leader !== index) await ask(member(leader), 'maintenance/transfer-leadership', { targetID: id });
  await cluster.until('all know who leads etcd', async () =>
    (await status()).every((one) => one.leader === id) ? true : undefined,
  );
}

interface Answers {
  readonly ofItsOwn: boolean;
  readonly linearizable: boolean;
  readonly write: boolean;
}

/** What one member says to a client that asks nobody else. */
async function answersOf(endpoint: string): Promise<Answers> {
  const says = (path: string, body: object): Promise<boolean> =>
    ask(endpoint, path, body, { timeoutMs: ASK_MS }).then(
      () => true,
      () => false,
    );
  const key = base64('elsewhere/asked');
  const [ofItsOwn, linearizable, write] = await Promise.all([
    says('kv/range', { key, serializable: true }),
    says('kv/range', { key }),
    says('kv/put', { key, value: base64('x') }),
  ]);
  return { ofItsOwn, linearizable, write };
}

const ONLY_OF_ITS_OWN: Answers = { ofItsOwn: true, linearizable: false, write: false };
const ALL: Answers = { ofItsOwn: true, linearizable: true, write: true };

/** One acknowledged write more, begun after now. */
async function nextWrite(): Promise<void> {
  const { cluster, writer } = world();
  // The one that is under way may have been decided before.
  const enough = writer.acknowledged + 2;
  await cluster.until('acknowledged writes', async () => (writer.acknowledged >= enough ? true : undefined));
}

/** Writes go on, and all agents are granted; the figures of it. */
async function wellAgain(sinceWall: number): Promise<string> {
  const { cluster, writer } = world();
  const grantedMs = (await cluster.allGranted(sinceWall)) - sinceWall;
  await nextWrite();
  const gapMs = Math.round(writer.takeLongestGapMs());
  return `all agents granted after ${grantedMs} ms, longest time without an acknowledged write ${gapMs} ms`;
}

async function termOfLeader(): Promise<number> {
  return (await world().cluster.leader()).term;
}

/** Cuts off the member that the controllers ask most. */
async function loseOne(name: string, role: 'leads' | 'follows'): Promise<void> {
  const { cluster, writer } = world();
  const lost = await mostAsked();
  await leadEtcd(role === 'leads' ? lost : (lost + 1) % 3);
  expect(await answersOf(member(lost))).toEqual(ALL);
  const term = await termOfLeader();
  writer.takeLongestGapMs();
  const atWall = Date.now();
  cables().cut(lost);
  // Asked at once too: one that led does not know yet that it leads nobody.
  const first = answersOf(member(lost));
  const whileCut = await wellAgain(atWall);
  expect(await first).toEqual(ONLY_OF_ITS_OWN);
  // Nothing that the cut-off member still holds, no lease and no watch, may count for longer than this.
  await sleep(Math.max(0, atWall + 2 * TTL_MS - Date.now()));
  expect(await answersOf(member(lost))).toEqual(ONLY_OF_ITS_OWN);
  await nextWrite();
  const change = term === (await termOfLeader()) ? 'the leader stays' : 'the next term';
  cables().heal(lost);
  const afterwards = await wellAgain(Date.now());
  await cluster.etcd.allReady();
  figures.push(`${name} cut off: ${whileCut}, ${change}; healed: ${afterwards}`);
}

/** Longer than the leader may lead without a renewal. */
const ALL_CUT_MS = TTL_MS + 1_000;

async function loseEachOther(name: string): Promise<void> {
  const { cluster, writer } = world();
  const members = cluster.etcd.members.map((_, i) => i);
  const term = await termOfLeader();
  writer.takeLongestGapMs();
  const atWall = Date.now();
  for (const each of members) cables().cut(each);
  const asked = Promise.all(members.map((each) => answersOf(member(each))));
  await sleep(ANSWERED_MS);
  const before = writer.acknowledged;
  expect(await asked).toEqual(members.map(() => ONLY_OF_ITS_OWN));
  await sleep(Math.max(0, atWall + ALL_CUT_MS - Date.now()));
  expect(writer.acknowledged).toBe(before);
  const cutMs = Date.now() - atWall;
  for (const each of members) cables().heal(each);
  const afterwards = await wellAgain(Date.now());
  await cluster.etcd.allReady();
  const change = term === (await termOfLeader()) ? 'the leader stays' : 'the next term';
  figures.push(`${name} cut off from each other for ${cutMs} ms; healed: ${afterwards}, ${change}`);
}

beforeAll(async () => {
  if (obstacle() !== undefined) return;
  network = await MemberNetwork.open();
  await start(network.hosts);
}, 120_000);

afterAll(async () => {
  try {
    await made?.writer.end();
    await made?.cluster.stop();
  } finally {
    network?.close();
  }
  if (figures.length > 0) console.log(['members of etcd without each other', ...figures].join('\n  '));
}, 60_000);

// What failed half-way must not fail the others.
afterEach(() => {
  for (const index of network?.hosts.keys() ?? []) network?.heal(index);
});

beforeEach((ctx) => {
  const reason = obstacle();
  if (reason !== undefined) ctx.skip(reason);
});

describe('three controllers go on, and nothing stops,', () => {
  test('when the member that leads etcd is cut off from the others', async () => {
    await loseOne('leading member', 'leads');
    expect(harm()).toEqual(NONE);
  }, 60_000);

  test('when a member that follows is cut off from the others', async () => {
    await loseOne('following member', 'follows');
    expect(harm()).toEqual(NONE);
  }, 60_000);

  test('when all members are cut off from one another for a moment', async () => {
    await loseEachOther('all members');
    expect(harm()).toEqual(NONE);
  }, 60_000);

  test('and no acknowledged write is lost, nothing is moved, and nothing runs twice', async () => {
    const { cluster, writer } = world();
    await writer.end();
    const { runs } = await cluster.api.runs.listRuns({ pageSize: 500 });
    const lasting = runs.filter(({ policy }) => /^policies\/p\d+$/.test(policy));
    const moved = lasting.filter(({ attempts }) => attempts.length > 1);
    const lost = await writer.lost();
    figures.push(`acknowledged writes: ${writer.acknowledged}, lost: ${lost.length}`);
    expect({ lost, moved, lasting: lasting.length }).toEqual({
      lost: [],
      moved: [],
      lasting: POLICIES,
    });
    expect(harm()).toEqual(NONE);
  });
});

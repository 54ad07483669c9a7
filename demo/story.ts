/** The story, act by act. Each act does something to the cluster and checks what Locum promises about it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { missingAfterMs as missingAfterMsAt, SHORT } from '../cli/dev/scaled-timers.ts';
import { planText } from '../cli/server/plan.ts';
import { serverListView } from '../cli/server/view.ts';
import { ListMode } from '../shared/gen/locum/v1/policy_pb.ts';
import { Apply } from '../shared/gen/locum/v1/pool_pb.ts';
import { RunState } from '../shared/gen/locum/v1/run_pb.ts';
import { Liveness } from '../shared/gen/locum/v1/server_pb.ts';
import type { Life, Scene } from './picture.ts';
import type { Stage } from './stage.ts';
import { checkTakeover, livesOf, silenceIn } from './takeover.ts';

export interface StoryOptions {
  readonly realTimers: boolean;
}

/** Answers the takeover as it happened, for a picture. */
export async function play(stage: Stage, { realTimers }: StoryOptions): Promise<Scene> {
  const missingAfterMs = missingAfterMsAt(realTimers ? 1 : SHORT);
  await cast(stage, missingAfterMs);
  await placement(stage);
  const scene = await failover(stage, missingAfterMs);
  await spillAndQueue(stage);
  await newPrimary(stage);
  await oldPrimaryReturns(stage);
  atMostOnce(stage);
  return scene;
}

/** With the default timers and with short ones, nine heartbeat intervals are one missing_after. */
const HEARTBEATS_IN_MISSING = 9;
const HEARTBEATS_BEFORE = 3;
const BIG_SLOTS = 200;

async function showServers({ servers, timeline }: Stage): Promise<void> {
  const list = (await servers.listServers({})).servers;
  timeline.text(serverListView(list).table({ wide: false }));
}

async function cast(stage: Stage, missingAfterMs: number): Promise<void> {
  const { timeline, cluster } = stage;
  timeline.act(`A controller and three servers; a silent one is MISSING after ${missingAfterMs / 1000} s`);
  await cluster.startController();
  timeline.done('the controller is up, with an empty SQLite store');
  await cluster.startAgent('server-1', ['--capability', 'dotnet=4.8']);
  await cluster.startAgent('server-2');
  await cluster.startAgent('server-3', ['--capability', 'dotnet=4.8']);
  const ranks = await Promise.all(
    ['server-1', 'server-2', 'server-3'].map(async (id) => (await stage.server(id))?.rank),
  );
  timeline.promise(
    'the first server to register is the primary, the others are standbys in their order',
    ranks.join() === '1,2,3',
  );
  await showServers(stage);
  await stage.newEvents();
}

async function placement(stage: Stage): Promise<void> {
  const { timeline, witness } = stage;
  timeline.act(
    'Three policies: one for any server, one that needs dotnet >= 3.0, one with its own list (server-1, server-3)',
  );
  await stage.apply(witness.policy('orders'));
  await stage.apply(witness.policy('invoices', { requirements: ['dotnet >= 3.0'] }));
  const own = { servers: ['servers/server-1', 'servers/server-3'], listMode: ListMode.ONLY };
  await stage.apply(witness.policy('reports', own));
  for (const policy of ['orders', 'invoices', 'reports']) await stage.running(policy, 'server-1');
  await stage.showDecisions();
  timeline.promise('all three run on the primary', true);
}

async function failover(stage: Stage, missingAfterMs: number): Promise<Scene> {
  const { timeline, cluster } = stage;
  timeline.act('kill -9 of the whole primary host: agent, keeper and policies');
  // A start counts as a grant too. After some heartbeats the last grant is that of a heartbeat, as it nearly always is.
  await sleep(HEARTBEATS_BEFORE * (missingAfterMs / HEARTBEATS_IN_MISSING));
  const killedWallMs = await cluster.killHost('server-1');
  timeline.done('server-1: agent, keeper and three policies killed with SIGKILL', killedWallMs);
  await stage.liveness('server-1', Liveness.MISSING, missingAfterMs);
  const moved = [
    { policy: 'orders', to: 'server-2', why: 'the next in the list' },
    { policy: 'invoices', to: 'server-3', why: 'server-2 has no dotnet' },
    { policy: 'reports', to: 'server-3', why: 'server-2 is not in its list' },
  ] as const;
  for (const { policy, to } of moved) await stage.running(policy, to, missingAfterMs);
  const events = await stage.showDecisions();
  timeline.text(
    `Threshold: the time at which the last granted heartbeat was received, plus ${missingAfterMs / 1000} s.\n` +
      'Process start: the first line that the policy itself writes.',
  );
  const delaysMs: number[] = [];
  const lives: Life[] = [];
  for (const { policy, to, why } of moved) {
    const [run] = await stage.runsOf(policy);
    timeline.promise(`${policy} carries on as the same run on ${to}: ${why}`, run?.attemptCount === 2);
    const takeover = { events, from: 'server-1', killedWallMs, missingAfterMs };
    if (run === undefined) continue;
    const delayMs = await checkTakeover(stage, { run, ...takeover });
    if (delayMs !== undefined) delaysMs.push(delayMs);
    lives.push(...livesOf(stage, run, policy));
  }
  const sorted = delaysMs.toSorted((a, b) => a - b).map(Math.round);
  timeline.text(`After the threshold: median ${sorted[Math.floor(sorted.length / 2)]} ms, worst ${sorted.at(-1)} ms.`);
  return { servers: ['server-1', 'server-2', 'server-3'], lives, killedWallMs, missingAfterMs, ...silenceIn(events) };
}

async function spillAndQueue(stage: Stage): Promise<void> {
  const { timeline, witness, servers, policies } = stage;
  timeline.act('Limits: server-2 takes 2 slots, server-3 takes 3; then three more runs of an on-demand policy');
  for (const [id, maxSlots] of [
    ['server-2', 2],
    ['server-3', 3],
  ] as const) {
    await servers.updateServer({ server: { name: `servers/${id}`, maxSlots }, updateMask: { paths: ['max_slots'] } });
  }
  await stage.apply(
    witness.policy('batch', { trigger: { kind: { case: 'onDemand', value: {} } }, maxConcurrentRuns: 10 }),
  );
  const start = async (): Promise<string> =>
    (await policies.startPolicy({ name: 'policies/batch' })).run?.name.slice('runs/'.length) ?? '';
  const isOn = (run: string, server: string) =>
    stage.until(`${run} runs on ${server}`, async () => {
      const found = (await stage.runsOf('batch')).find(({ name }) => name === `runs/${run}`);
      return found?.state === RunState.RUNNING && found.server === `servers/${server}` ? found : undefined;
    });
  const first = await start();
  await isOn(first, 'server-2');
  timeline.promise(`${first} gets the last free slot of server-2`, true);
  const second = await start();
  await isOn(second, 'server-3');
  timeline.promise(`${second} spills over to server-3, for server-2 is full`, true);
  const third = await start();
  const queued = await stage.until(`${third} queues`, async () => {
    const { run } = await stage.runs.getRun({ name: `runs/${third}` });
    return run?.state === RunState.QUEUED ? run : undefined;
  });
  timeline.promise(`${third} queues: ${queued.message}`, queued.queuePosition === 1);
  await stage.showDecisions();
  timeline.done(`${first} is told to finish its work`);
  witness.finish(first);
  await isOn(third, 'server-2');
  await stage.showDecisions();
  const freed = witness.of(first).find(({ what }) => what === 'done');
  // RUNNING means that the process exists; its first line comes a moment later.
  const started = await stage.until(`${third} says that it started`, async () =>
    witness.of(third).find(({ what }) => what === 'start'),
  );
  const delayMs = freed === undefined ? Number.NaN : started.wallMs - freed.wallMs;
  timeline.promise(
    `${third} starts on server-2 the moment the slot is free`,
    delayMs >= 0 && delayMs < 2_000,
    `${delayMs} ms after the last line of ${first}`,
  );
}

async function newPrimary(stage: Stage): Promise<void> {
  const { timeline, cluster, servers } = stage;
  timeline.act('A bigger server joins and is made the primary');
  await cluster.startAgent('server-big', ['--capability', 'dotnet=8.0']);
  const server = { name: 'servers/server-big', maxSlots: BIG_SLOTS };
  await servers.updateServer({ server, updateMask: { paths: ['max_slots'] } });
  const joined = await stage.server('server-big');
  timeline.promise(
    'it joins at the end of the list, and nothing moves',
    joined?.rank === 4 && joined.runs.length === 0,
  );
  const request = { name: 'servers/server-big', apply: Apply.MOVE_NOW };
  const planned = await servers.makePrimary({ ...request, validateOnly: true });
  timeline.text(planText(planned.plan, { dryRun: true }));
  const done = await servers.makePrimary(request);
  const names = (plan: typeof done.plan): string =>
    (plan?.moves ?? []).map(({ run, toServer }) => `${run}>${toServer}`).join();
  timeline.promise(
    'what is done is what the dry run said',
    names(planned.plan) === names(done.plan) && names(done.plan) !== '',
  );
  for (const policy of ['orders', 'invoices']) await stage.running(policy, 'server-big');
  await stage.until('both batch runs are on server-big', async () => {
    const runs = await stage.runsOf('batch');
    return runs.length === 2 &&
      runs.every(({ state, server }) => state === RunState.RUNNING && server === 'servers/server-big')
      ? runs
      : undefined;
  });
  await stage.showDecisions();
  const [reports] = await stage.runsOf('reports');
  timeline.promise('reports stays where its own list lets it be', reports?.server === 'servers/server-3');
  for (const run of ['orders', 'invoices'].flatMap((policy) => runIds(stage, policy))) {
    const { run: now } = await stage.runs.getRun({ name: `runs/${run}` });
    const begun = now === undefined ? undefined : await stage.begun(now);
    const stopped = stage.witness.of(run).findLast(({ what }) => what === 'stop');
    const gapMs = (begun?.wallMs ?? Number.NaN) - (stopped?.wallMs ?? Number.NaN);
    timeline.promise(`${run} stopped first and then started`, gapMs >= 0, `${gapMs} ms without it`);
  }
}

/** Runs of a policy that ever wrote something. */
function runIds({ witness }: Stage, policy: string): string[] {
  return [...new Set(witness.all().map(({ run }) => run))].filter((run) => run.replace(/-\d+$/, '') === policy);
}

async function oldPrimaryReturns(stage: Stage): Promise<void> {
  const { timeline, cluster } = stage;
  timeline.act('The old primary comes back');
  const before = await Promise.all(['orders', 'invoices', 'reports', 'batch'].map((policy) => stage.runsOf(policy)));
  await cluster.startAgent('server-1', ['--capability', 'dotnet=4.8']);
  await stage.showDecisions();
  const returned = await stage.server('server-1');
  timeline.promise('it keeps its place behind the new primary', returned?.rank === 2 && returned.available);
  const after = await Promise.all(['orders', 'invoices', 'reports', 'batch'].map((policy) => stage.runsOf(policy)));
  const places = (runs: typeof after): string =>
    runs
      .flat()
      .map(({ name, server, attemptCount }) => `${name} ${server} ${attemptCount}`)
      .join();
  timeline.promise('nothing moves back by itself, nothing is stopped', places(before) === places(after));
  await showServers(stage);
}

/** Every run, over the whole story: no process began while an earlier one of the same run was alive. */
function atMostOnce({ timeline, witness }: Stage): void {
  timeline.act('What the policies themselves wrote down');
  const told = witness.all();
  const starts = told.filter(({ what }) => what === 'start');
  const overlaps = told.filter(({ what }) => what === 'overlap');
  const byRun = Map.groupBy(starts, ({ run }) => run);
  const rising = [...byRun.values()].every((of) =>
    of.every(({ epoch }, i) => i === 0 || epoch > (of[i - 1]?.epoch ?? 0n)),
  );
  timeline.promise(
    'no run ever had two living processes',
    overlaps.length === 0,
    `${starts.length} starts of ${byRun.size} runs, ${overlaps.length} overlaps`,
  );
  timeline.promise('the epochs of each run only rise', rising);
}

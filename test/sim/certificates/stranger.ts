/**
 * Somebody who says that he is a server and is not: with the certificate of another one, or with one that was stolen and is revoked. He tells of
 * attempts that ended, and of terms and epochs to come; nothing of it may count, and he is given nothing.
 */
import type { AcceptedPeer } from '../../../shared/access/peer-judge.ts';
import { epoch, type ServerId } from '../../../shared/ids.ts';
import type { AgentMessage } from '../../../shared/protocol/agent-message.ts';
import type { ReportedAttempt } from '../../../shared/protocol/attempt.ts';
import type { LeaderMessage } from '../../../shared/protocol/leader-message.ts';
import { SECOND } from '../../../shared/time.ts';
import type { ControllerNode } from '../controller.ts';
import type { Site } from '../site.ts';
import type { World } from '../world.ts';
import type { Credentials } from './pki.ts';

export interface Stranger {
  /** The machine that he calls from. */
  readonly from: Site;
  readonly credentials: Credentials;
  /** Whom he says that he is. */
  readonly says: ServerId;
}

const STAYS_MS = 20 * SECOND;
const LIE = 1_000_000;

/** He calls everybody who may lead, or may think so. */
export function callEverywhere(world: World, stranger: Stranger): void {
  for (const controller of world.controllers) {
    if (controller.isPaused) world.during(SECOND, () => call(world, stranger, controller));
    else call(world, stranger, controller);
  }
}

function call(world: World, { from, credentials, says }: Stranger, controller: ControllerNode): void {
  const { network, queue, verdict } = world;
  const link = network.link(from.name, controller.endpoint);
  const judged = controller.door?.judge(credentials.certificate, from.name);
  if (!network.isOpen(link) || !controller.alive || judged?.kind !== 'accepted') return;
  let conn = 0;
  const nothing = (): void => {};
  const stream = network.open(link, {
    ...{ onAgentClosed: nothing, onWritable: nothing },
    onControllerClosed: () => controller.streamClosed(conn),
  });
  const receive = (_: number, { kind }: LeaderMessage): void => {
    if (kind === 'welcome' || kind === 'start' || kind === 'grant')
      verdict.breaks('IDENTITY', queue.now, `a stranger who says that he is ${says} is given a ${kind}`);
  };
  const { peer } = judged;
  const { issuer } = credentials.certificate;
  conn = controller.accept(stream, { host: from.host, agentLife: 0, openedAt: queue.now, peer, issuer, receive });
  for (const message of lies(world, from, says)) stream.sendUp(() => controller.receive(stream, message));
  queue.after(STAYS_MS, () => stream.closeByAgent({ flush: false }));
}

function lies(world: World, { host }: Site, server: ServerId): readonly AgentMessage[] {
  const { store, leader } = { store: world.store, leader: world.leader() };
  const victim = leader?.term.core.state.servers.get(server);
  const runs = [...(leader?.term.core.state.runs.values() ?? [])];
  const attempts = runs.flatMap(({ id: run, policy, attempts: all }) =>
    all.filter((one) => one.server === server).map((one) => ({ ...ENDED, run, policy, epoch: one.epoch })),
  );
  const facts = {
    ...{ server, pool: victim?.pool ?? host.pool, instanceId: victim?.instanceId ?? 'stranger' },
    ...{ machineId: victim?.machineId ?? 'stranger', bootId: victim?.bootId ?? 'stranger', agentVersion: 'sim' },
    ...{ uid: victim?.uid, uptimeMs: 0, capabilities: [], clusterId: store.clusterId },
    capacity: { maxSlots: undefined, saturated: false, cpuPercent: 0, memoryPercent: 0 },
    ...{ highestTerm: LIE, highestEpoch: epoch(LIE) },
  };
  return [
    { kind: 'hello', facts, attempts, lastPart: true },
    { kind: 'report', attempts },
    { kind: 'heartbeat', sequence: 1, generation: 0, capacity: undefined, capabilities: undefined },
  ];
}

const ENDED: Pick<ReportedAttempt, 'state' | 'pid' | 'startWall' | 'endWall' | 'end'> = {
  ...{ state: 'ENDED', pid: 0, startWall: undefined, endWall: undefined },
  end: { cause: 'EXITED', exitCode: 0, signal: '', detail: 'a stranger says so' },
};

/** Whoever has a stolen certificate asks everybody for the next one, again and again. */
export function renewEverywhere(
  world: World,
  { from, credentials }: Stranger,
  signed: (credentials: Credentials, at: number) => void,
): void {
  for (const controller of world.controllers) {
    const ask = (peer: AcceptedPeer): void =>
      controller.door?.renew(controller.judging, peer, (renewed) => {
        if (renewed.kind === 'SIGNED') signed(renewed.credentials, world.queue.now);
      });
    controller.take(() => {
      const judged = controller.door?.judge(credentials.certificate, from.name);
      if (judged?.kind === 'accepted') ask(judged.peer);
    });
  }
}

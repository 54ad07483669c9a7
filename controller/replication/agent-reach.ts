/**
 * Looks once a second whether agents reach the controller that leads (semantics C6). A follower notes the agents that it refuses; a
 * leader that hears nobody reads these notes, and hands over if there are new ones. While all is well nothing is written or read.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../shared/log.ts';
import type { AgentStreams } from '../agents/agent-streams.ts';
import type { Handover } from '../leadership/role.ts';
import type { Store } from '../store/store.ts';
import type { LeaderView } from './leader-view.ts';
import { type Advice, LonelyLeader, REST_MS } from './lonely-leader.ts';
import type { MemberNotes } from './member-notes.ts';
import { countRefusedHellos, RefusalRecord } from './refused-hellos.ts';

export interface AgentReachOptions {
  readonly store: Pick<Store, 'members'>;
  readonly notes: Pick<MemberNotes, 'noteRefused'>;
  readonly view: LeaderView;
  /** Id of this controller. */
  readonly self: string;
  readonly log: Logger;
  readonly agents: Pick<AgentStreams, 'heard' | 'refusedHellos'>;
  readonly leads: () => boolean;
  readonly handOver: (handover: Handover) => Promise<void>;
  /** Longest heartbeat interval of all pools; asked while this controller leads. */
  readonly heartbeatMs: () => number;
}

const LOOK_MS = 1_000;
/** What takes this much longer than it should was a pause of this process. Between two looks, or in a look: the whole round counts. */
const PAUSE_MS = 2_000;

/** Goes on until the signal aborts. */
export async function watchAgentReach(options: AgentReachOptions, signal: AbortSignal): Promise<void> {
  const { view, self, leads, log } = options;
  const record = new RefusalRecord();
  const lonely = new LonelyLeader();
  const clock = (): number => performance.now();
  let lookedMono = clock();
  while (!signal.aborted) {
    await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) return;
    const mono = clock();
    const paused = mono - lookedMono > LOOK_MS + PAUSE_MS;
    lookedMono = mono;
    const { leader } = view;
    try {
      if (!leads()) await note(options, record, leader?.id === self ? undefined : leader?.term);
      else if (leader?.id === self) {
        await leave(options, await judge(options, lonely, { term: leader.term, paused, clock }));
      }
    } catch (error) {
      // Asked again in a second; a store that does not answer is reported by the view.
      log.debug({ err: error }, 'whether agents reach the leader is not known just now');
    }
  }
}

async function note({ notes, agents }: AgentReachOptions, record: RefusalRecord, term: number | undefined) {
  const { refusedHellos } = agents;
  const news = record.look({ mono: performance.now(), term, refusedHellos });
  if (news !== undefined) await notes.noteRefused(news);
}

/** One look of a controller that leads. */
export interface Round {
  readonly term: number;
  /** This process stood still since the last look. */
  readonly paused: boolean;
  /** Monotonic, in ms. */
  readonly clock: () => number;
}

/** What a leader should do, by what it heard and what its followers noted. @throws StoreError when these can't be read */
export async function judge(
  { store, agents, heartbeatMs }: Pick<AgentReachOptions, 'store' | 'agents' | 'heartbeatMs'>,
  lonely: LonelyLeader,
  { term, paused, clock }: Round,
): Promise<Advice> {
  const look = { mono: clock(), term, heard: agents.heard, heartbeatMs: heartbeatMs(), paused };
  if (!lonely.look(look)) return { kind: 'stay' };
  const members = await store.members();
  // Whoever came while the store was asked ends the silence.
  if (agents.heard !== look.heard) return { kind: 'stay' };
  const mono = clock();
  // What agents said in a pause is still in the sockets; the next look begins anew.
  if (mono - look.mono > PAUSE_MS) return { kind: 'stay' };
  const testimonies = members.map(({ candidate, note }) => {
    return { candidate, refusedHellos: countRefusedHellos(note, term) };
  });
  return lonely.judge(mono, testimonies);
}

async function leave({ log, handOver }: AgentReachOptions, advice: Advice): Promise<void> {
  if (advice.kind === 'stay') return;
  const { to, silentMs, refusedHellos } = advice;
  log.error(
    { refusedHellos, silentMs: Math.round(silentMs) },
    `no agent reaches this controller, but followers are asked for it: another one leads, for ${REST_MS / 1000} s at least; ` +
      'see whether agents can connect to the address that this controller advertises',
  );
  await handOver({ to, rest });
}

const rest: Handover['rest'] = (signal) => sleep(REST_MS, undefined, { signal, ref: false }).catch(() => {});

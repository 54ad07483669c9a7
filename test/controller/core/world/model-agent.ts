/**
 * An agent of the model world: obeys the lease rules A1–A5 of docs/semantics.md on a perfect clock, and otherwise does what
 * it is told to: answers starts or not, dies at once or late, falls silent. Written apart from the real agent, from the rules.
 */
import type { FromAgent } from '../../../../controller/core/cluster/event.ts';
import type { RunId, ServerId } from '../../../../shared/ids.ts';
import type { CommandResult } from '../../../../shared/protocol/agent-message.ts';
import type { EndCause, ReportedAttempt } from '../../../../shared/protocol/attempt.ts';
import type { CommandOutcome } from '../../../../shared/protocol/command-outcome.ts';
import type { LeaderMessage } from '../../../../shared/protocol/leader-message.ts';
import { refusedBy } from '../../../../shared/protocol/start-refusal.ts';
import { SECOND } from '../../../../shared/time.ts';
import { type AgentFacts, capacityOf, helloOf, type StartAnswer } from './agent-facts.ts';
import { isAlive, keyOf, type ModelAttempt, reported } from './model-attempt.ts';
import type { ModelTime } from './model-time.ts';

/** The one cluster of the model world. */
export const CLUSTER_ID = 'c1';

/** What an agent says on its stream; the world adds which one. */
export type Said = FromAgent extends infer Each ? (Each extends FromAgent ? Omit<Each, 'conn'> : never) : never;

/** The agent's end of its streams. */
export interface Line {
  /** Opens a stream and answers its handle. */
  open(): number;
  say(conn: number, said: Said): void;
  close(conn: number): void;
}

interface Session {
  readonly conn: number;
  generation: number;
  sequence: number;
  /** Heartbeat number → when it was sent. */
  readonly stamps: Map<number, number>;
}

export class ModelAgent {
  readonly server: ServerId;
  readonly facts: AgentFacts;
  readonly attempts = new Map<string, ModelAttempt>();
  /** Highest epoch of each run that was seen here: spent. */
  readonly #spent = new Map<RunId, number>();
  readonly #time: ModelTime;
  readonly #line: Line;
  /** A stream whose Welcome is awaited. */
  #greeting: { readonly conn: number; readonly sentMono: number } | undefined;
  #session: Session | undefined;
  #heartbeatMs = 5 * SECOND;
  #pid = 0;
  /** Only the newest plan of the next heartbeat is kept to. */
  #rhythm = 0;
  beats = true;
  startAnswer: StartAnswer = { kind: 'applied' };
  /** From SIGTERM to the end of a process; G cuts it short. Infinite: its tree can't be killed. */
  dieMs: () => number = () => 0;
  /** Called when a process is started, before it is listed. */
  onStart: (attempt: ModelAttempt) => void = () => undefined;
  onClosed: (reason: string) => void = () => undefined;

  constructor(server: ServerId, facts: AgentFacts, time: ModelTime, line: Line) {
    this.server = server;
    this.facts = facts;
    this.#time = time;
    this.#line = line;
  }

  get conn(): number | undefined {
    return this.#session?.conn ?? this.#greeting?.conn;
  }

  hello(inventory: readonly ReportedAttempt[] = this.#inventory()): void {
    const conn = this.lateHello(inventory);
    this.#greeting = { conn, sentMono: this.#time.now.mono };
  }

  /** A Hello that was under way for long, on a stream that the agent has given up since: nobody reads what is answered. */
  lateHello(inventory: readonly ReportedAttempt[]): number {
    const { facts } = this;
    const now = this.#time.now.mono;
    const conn = this.#line.open();
    const hello = helloOf(facts, now);
    this.#line.say(conn, { kind: 'hello', hello: { ...hello, server: this.server, inventory } });
    return conn;
  }

  receive(conn: number, term: number, message: LeaderMessage): void {
    if (term < this.facts.highestTerm) return;
    if (message.kind === 'welcome') {
      if (this.#greeting?.conn === conn) this.#welcome(this.#greeting, term, message);
      return;
    }
    const session = this.#session;
    if (session?.conn !== conn || message.kind === 'authority_notice') return;
    switch (message.kind) {
      case 'grant':
        this.#grant(session, message);
        return;
      case 'start':
        this.#start(session, message);
        return;
      case 'stop':
        this.#generation(session, message.generation);
        this.#line.say(conn, answer(message.commandId, 'APPLIED', '', 0));
        this.#stop(this.attempts.get(keyOf(message)), 'STOPPED');
        return;
      case 'ack':
        for (const one of message.attempts) {
          if (this.attempts.get(keyOf(one))?.state === 'ENDED') this.attempts.delete(keyOf(one));
        }
        return;
      case 'report_full_state':
        this.fullState();
        return;
      case 'verdicts':
        this.#judge(message.verdicts);
        session.generation = Math.max(session.generation, message.generation);
        return;
      case 'timers_changed':
        this.#heartbeatMs = message.timers.heartbeatMs;
        this.#beatLater(session);
        return;
      case 'reconnect':
      case 'read_output':
        throw new Error(`no core sends ${message.kind}`);
    }
  }

  /** The stream ended, by whoever. */
  closed(conn: number, reason: string): void {
    if (this.#greeting?.conn === conn) this.#greeting = undefined;
    else if (this.#session?.conn === conn) this.#session = undefined;
    else return;
    this.onClosed(reason);
  }

  /** Ends its stream itself. */
  hangUp(): void {
    const { conn } = this;
    if (conn === undefined) return;
    this.#line.close(conn);
    this.closed(conn, 'hung up');
  }

  beat(changes: 'nothing' | 'changes' = 'nothing'): void {
    const session = this.#session;
    if (session === undefined) return;
    session.sequence += 1;
    session.stamps.set(session.sequence, this.#time.now.mono);
    const { capabilities, probeFailures, hostProblems, certificate } = this.facts;
    const told = { capabilities, probeFailures, hostProblems, certificate };
    this.#line.say(session.conn, {
      kind: 'heartbeat',
      sequence: session.sequence,
      generation: session.generation,
      capacity: changes === 'changes' ? capacityOf(this.facts) : undefined,
      ...(changes === 'changes' ? told : { capabilities: undefined }),
    });
  }

  fullState(inventory: readonly ReportedAttempt[] = this.#inventory(), generation = this.#session?.generation): void {
    if (this.#session === undefined || generation === undefined) return;
    this.#line.say(this.#session.conn, { kind: 'full_state', generation, inventory });
  }

  /** Its processes stop, and it says farewell; `listed` says which ends it tells of. */
  goodbye(listed: 'all' | 'none'): void {
    const session = this.#session;
    if (session === undefined) return;
    if (listed === 'all')
      for (const attempt of this.attempts.values()) this.#end(attempt, 'STOPPED', undefined, 'quiet');
    this.#line.say(session.conn, { kind: 'goodbye', attempts: this.#inventory(), reason: 'LEAVE' });
  }

  /** A process ends by itself. */
  exit(attempt: ModelAttempt, exitCode: number): void {
    this.#end(attempt, 'EXITED', exitCode);
  }

  /** A process is gone, and this is what is said of it. */
  end(attempt: ModelAttempt, cause: EndCause): void {
    this.#end(attempt, cause, undefined);
  }

  /** The host loses its power: nothing of it lives on. */
  powerOff(): void {
    this.attempts.clear();
    this.#session = undefined;
    this.#greeting = undefined;
  }

  #inventory(): readonly ReportedAttempt[] {
    return [...this.attempts.values()].map(reported);
  }

  #welcome(
    greeting: { readonly conn: number; readonly sentMono: number },
    term: number,
    welcome: Extract<LeaderMessage, { readonly kind: 'welcome' }>,
  ): void {
    this.facts.uid = welcome.uid;
    this.facts.highestTerm = term;
    this.facts.clusterId = CLUSTER_ID;
    this.#heartbeatMs = welcome.timers.heartbeatMs;
    this.#greeting = undefined;
    const session = { conn: greeting.conn, generation: 1, sequence: 0, stamps: new Map([[0, greeting.sentMono]]) };
    this.#session = session;
    for (const attempt of this.attempts.values()) attempt.covered = false;
    this.#judge(welcome.verdicts);
    this.#extend(greeting.sentMono);
    // What ended since the Hello was in nobody's inventory.
    const since = [...this.attempts.values()].filter(
      ({ state, endMono }) => state === 'ENDED' && endMono > greeting.sentMono,
    );
    if (since.length > 0) this.#line.say(session.conn, { kind: 'report', attempts: since.map(reported) });
    // Says that it took this session.
    if (this.beats) this.beat();
    this.#beatLater(session);
  }

  #beatLater(session: Session): void {
    const rhythm = ++this.#rhythm;
    this.#time.plan(this.#time.now.mono + this.#heartbeatMs, () => {
      if (this.#session !== session || this.#rhythm !== rhythm) return;
      if (this.beats) this.beat();
      this.#beatLater(session);
    });
  }

  /** A2: only while it is not past, only in the generation that the grant names. */
  #grant(session: Session, grant: Extract<LeaderMessage, { readonly kind: 'grant' }>): void {
    const stamp = session.stamps.get(grant.sequence);
    if (grant.generation !== session.generation) this.fullState();
    else if (stamp !== undefined) this.#extend(stamp);
  }

  #extend(stampMono: number): void {
    for (const attempt of this.attempts.values()) {
      if (!attempt.covered || attempt.stopping !== undefined || this.#time.now.mono >= attempt.deadlineMono) continue;
      attempt.deadlineMono = Math.max(attempt.deadlineMono, stampMono + attempt.terms.leaseMs);
      this.#watch(attempt);
    }
  }

  /** A5: at D it is stopped. */
  #watch(attempt: ModelAttempt): void {
    if (attempt.terms.onDisconnect !== 'STOP') return;
    this.#time.plan(attempt.deadlineMono, () => {
      if (this.#time.now.mono >= attempt.deadlineMono) this.#stop(attempt, 'LAPSED');
    });
  }

  /** A3: whatever the answer, the epoch is spent here. */
  #start(session: Session, start: Extract<LeaderMessage, { readonly kind: 'start' }>): void {
    this.#generation(session, start.generation);
    const stamp = session.stamps.get(start.sequence);
    const now = this.#time.now;
    const say = (outcome: CommandOutcome, reason: string, pid: number): void =>
      this.#line.say(session.conn, answer(start.commandId, outcome, reason, pid));
    const spent = start.epoch <= (this.#spent.get(start.run) ?? 0);
    this.#spent.set(start.run, Math.max(start.epoch, this.#spent.get(start.run) ?? 0));
    this.facts.highestEpoch = Math.max(this.facts.highestEpoch, start.epoch);
    const late = stamp === undefined || now.mono >= stamp + start.terms.leaseMs - SECOND;
    if (spent) say('STALE', 'EPOCH_SPENT', 0);
    else if (late) say('EXPIRED', 'TOO_LATE', 0);
    else if (this.startAnswer.kind === 'refused') this.#refuse(session.conn, start.commandId, this.startAnswer);
    if (spent || late || this.startAnswer.kind === 'refused' || this.startAnswer.kind === 'lost') return;
    this.#pid += 1;
    const attempt: ModelAttempt = {
      run: start.run,
      policy: start.policy,
      epoch: start.epoch,
      terms: start.terms,
      state: this.startAnswer.kind === 'slow' ? 'STARTING' : 'RUNNING',
      pid: this.startAnswer.kind === 'slow' ? 0 : this.#pid,
      startWall: now.wall,
      endWall: undefined,
      endMono: Number.NEGATIVE_INFINITY,
      deadlineMono: stamp + start.terms.leaseMs,
      covered: true,
      stopping: undefined,
      end: undefined,
    };
    this.onStart(attempt);
    this.attempts.set(keyOf(attempt), attempt);
    this.#watch(attempt);
    if (this.startAnswer.kind === 'applied') say('APPLIED', '', attempt.pid);
  }

  #refuse(conn: number, commandId: number, how: Extract<StartAnswer, { readonly kind: 'refused' }>): void {
    const { outcome, reason, hostProblem } = how;
    this.#line.say(conn, { ...answer(commandId, outcome, reason, 0), hostProblem });
  }

  #generation(session: Session, generation: number): void {
    if (generation === session.generation + 1) session.generation = generation;
  }

  #judge(verdicts: Extract<LeaderMessage, { readonly kind: 'welcome' }>['verdicts']): void {
    for (const verdict of verdicts) {
      const attempt = this.attempts.get(keyOf(verdict));
      if (attempt === undefined) continue;
      attempt.covered = verdict.action !== 'STOP';
      if (verdict.action === 'STOP') this.#stop(attempt, 'STOPPED');
    }
  }

  #stop(attempt: ModelAttempt | undefined, cause: EndCause): void {
    if (attempt === undefined || !isAlive(attempt) || attempt.stopping !== undefined) return;
    attempt.stopping = cause;
    attempt.state = 'STOPPING';
    const { stopTimeoutMs } = attempt.terms;
    const dieMs = this.dieMs();
    const stuck = dieMs === Number.POSITIVE_INFINITY;
    this.#time.plan(this.#time.now.mono + Math.min(dieMs, stopTimeoutMs), () => {
      if (!isAlive(attempt)) return;
      if (stuck) {
        attempt.state = 'STUCK';
        this.report(attempt);
      } else this.#end(attempt, cause, undefined);
    });
  }

  #end(
    attempt: ModelAttempt,
    cause: EndCause,
    exitCode: number | undefined,
    tell: 'report' | 'quiet' = 'report',
  ): void {
    if (!isAlive(attempt)) return;
    attempt.state = 'ENDED';
    attempt.endWall = this.#time.now.wall;
    attempt.endMono = this.#time.now.mono;
    attempt.pid = 0;
    attempt.end = { cause: attempt.stopping ?? cause, exitCode, detail: '' };
    if (tell === 'report') this.report(attempt);
  }

  report(attempt: ModelAttempt): void {
    if (this.#session === undefined || this.attempts.get(keyOf(attempt)) !== attempt) return;
    this.#line.say(this.#session.conn, { kind: 'report', attempts: [reported(attempt)] });
  }
}

function answer(commandId: number, outcome: CommandOutcome, reason: string, pid: number): CommandResult {
  const done = outcome === 'APPLIED' || outcome === 'ALREADY_APPLIED';
  const endCause = outcome === 'REFUSED' ? refusedBy(reason).endCause : 'EXPIRED';
  return { kind: 'command_result', commandId, outcome, reason, detail: '', pid, ...(done ? {} : { endCause }) };
}

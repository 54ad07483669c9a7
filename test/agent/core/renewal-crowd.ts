/**
 * A crowd of agents whose certificates all come of age, on virtual time: the agents' real cores and the controllers' real pace of signing,
 * between them a door that takes no certificate that is over, leaders that change, and signers that can't sign for a while.
 */
import type { CertificateFacts, RenewalOutcome } from '../../../agent/core/certificate.ts';
import type { AgentNow } from '../../../agent/core/clock.ts';
import { Core } from '../../../agent/core/core.ts';
import type { Effect } from '../../../agent/core/effect.ts';
import type { Event } from '../../../agent/core/event.ts';
import { SigningPace } from '../../../controller/access/signing-pace.ts';
import { present } from '../../../shared/assert.ts';
import { epoch, policyId, runId, serverId, sessionId, uid } from '../../../shared/ids.ts';
import { Prng } from '../../../shared/prng.ts';
import type { AgentMessage } from '../../../shared/protocol/agent-message.ts';
import { SECOND } from '../../../shared/time.ts';
import { EventQueue, type Planned } from '../../sim/event-queue.ts';
import { CLUSTER, HOST, TERM, TERMS, TIMERS } from './virtual-agent.ts';
import { VirtualKeeper } from './virtual-keeper.ts';

const CONTROLLERS = ['a:1', 'b:1', 'c:1'] as const;
type Address = (typeof CONTROLLERS)[number];
/** One way. */
const DELAY_MS = 5;
/** Of the world: certificates count it, and hosts may have another time. */
const START_WALL = 1_700_000_000_000;
/** As the authority backdates. */
const BACKDATED = 1 / 10;

export interface CrowdOptions {
  readonly seed: number;
  readonly agents: number;
  /** Every so many has a policy with a lease. */
  readonly runningEach: number;
  /** Of each certificate. */
  readonly lifeMs: number;
  /** They joined so long ago, all within a minute. */
  readonly agedMs: number;
}

export class Crowd {
  readonly queue = new EventQueue();
  readonly random: Prng;
  readonly lifeMs: number;
  readonly members: readonly Member[];
  /** Undefined: nobody leads. */
  leader: Address | undefined = 'a:1';
  term = TERM;
  /** Nobody can sign: a key that is not there, a disk that stalls. */
  signs = true;
  /** Part of the answers of signers that are lost. */
  lost = 0;
  readonly revoked = new Set<Member>();
  /** When each call came, and when each certificate was signed, by the clock of the world. */
  readonly calls: number[] = [];
  readonly signed: number[] = [];
  readonly reasons = new Map<string, number>();
  #pace = new SigningPace();
  #serial = 0;

  constructor({ seed, agents, runningEach, lifeMs, agedMs }: CrowdOptions) {
    this.random = new Prng(seed);
    this.lifeMs = lifeMs;
    this.members = Array.from({ length: agents }, (_, index) => {
      const notBeforeWall = this.wall - agedMs - this.random.float() * 60 * SECOND;
      return new Member(this, index, this.certificate(notBeforeWall), index % runningEach === 0);
    });
    for (const member of this.members) this.queue.after(this.random.float() * 10 * SECOND, () => member.begin());
  }

  get wall(): number {
    return START_WALL + this.queue.now;
  }

  certificate(notBeforeWall: number): CertificateFacts {
    this.#serial += 1;
    const end = notBeforeWall + this.lifeMs;
    return { notBeforeWall, notAfterWall: end, seed: this.#serial, trusts: [], issuer: undefined };
  }

  pass(ms: number): void {
    this.queue.runUntil(this.queue.now + ms, () => false);
  }

  /** The leader is gone; another one leads a while later, with a pace that knows of nobody. */
  changeLeader(withinMs: number): void {
    const next = CONTROLLERS[(CONTROLLERS.indexOf(this.leader ?? 'a:1') + 1) % CONTROLLERS.length];
    this.leader = undefined;
    for (const member of this.members) member.lose('the leader is gone');
    this.queue.after(withinMs, () => {
      this.leader = next;
      this.term += 1;
      this.#pace = new SigningPace();
    });
  }

  revoke(member: Member): void {
    this.revoked.add(member);
    member.lose('CERTIFICATE_REVOKED');
  }

  takes(member: Member): boolean {
    return this.wall < member.certificate.notAfterWall && !this.revoked.has(member);
  }

  /** What comes of a call, as the agent learns of it. */
  renew(member: Member, address: string): RenewalOutcome {
    this.calls.push(this.queue.now);
    const outcome = this.#answer(member, address);
    const word = outcome.kind === 'REFUSED' ? outcome.reason : outcome.kind;
    this.reasons.set(word, (this.reasons.get(word) ?? 0) + 1);
    return outcome;
  }

  #answer(member: Member, address: string): RenewalOutcome {
    const refused = (reason: string, retryAfterMs?: number): RenewalOutcome => {
      return { kind: 'REFUSED', reason, detail: 'no', retryAfterMs };
    };
    if (this.wall >= member.certificate.notAfterWall) return { kind: 'FAILED', detail: 'EXPIRED' };
    if (address !== this.leader) return refused('NOT_LEADER', 500);
    if (this.revoked.has(member)) return refused('CERTIFICATE_REVOKED');
    const turn = this.#pace.ask(member.name, this.queue.now);
    if (turn.kind === 'LATER')
      return refused(turn.for === 'ALL' ? 'OVERLOADED' : 'TOO_MANY_REQUESTS', Math.ceil(turn.afterMs));
    if (!this.signs) return refused('NO_AUTHORITY');
    this.signed.push(this.queue.now);
    if (this.random.float() < this.lost) return { kind: 'FAILED', detail: 'the answer was lost' };
    return { kind: 'RENEWED', certificate: this.certificate(this.wall - BACKDATED * this.lifeMs) };
  }
}

export class Member {
  readonly name: string;
  certificate: CertificateFacts;
  /** How far its wall clock is from that of the world. */
  offsetMs = 0;
  readonly #crowd: Crowd;
  readonly #core: Core;
  readonly #keeper = new VirtualKeeper();
  readonly #bootMono: number;
  readonly #runs: boolean;
  #wake: Planned | undefined;
  #stream: number | undefined;
  #generation = 1;
  /** Attempts that it stopped: leases that were lost. */
  stops = 0;
  renewals = 0;

  constructor(crowd: Crowd, index: number, certificate: CertificateFacts, runs: boolean) {
    this.name = `web-${index}`;
    this.#crowd = crowd;
    this.certificate = certificate;
    this.#runs = runs;
    this.#bootMono = 1_000 + index;
    this.#core = new Core(
      {
        ...{ host: { ...HOST, server: serverId(this.name) }, endpoints: [...CONTROLLERS], maxSlots: undefined },
        ...{ uid: '', clusterId: '', highestTerm: 0, seed: crowd.random.uint32() },
      },
      this.now,
    );
  }

  get state() {
    return this.#core.state;
  }

  /** Its policy runs, on a lease that counts. */
  get isRunning(): boolean {
    return [...this.state.attempts.values()].some(({ status }) => status.state === 'RUNNING');
  }

  get runs(): boolean {
    return this.#runs;
  }

  get now(): AgentNow {
    const mono = this.#bootMono + this.#crowd.queue.now;
    return { mono, boot: mono, wall: this.#crowd.wall + this.offsetMs };
  }

  begin(): void {
    this.#handle({ kind: 'certificate', certificate: this.certificate });
    this.#handle({ kind: 'begin' });
    this.#handle(this.#keeper.opened());
  }

  lose(reason: string): void {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream !== undefined) this.#handle({ kind: 'closed', stream, reason });
  }

  #handle(event: Event): void {
    this.#core.step(event, this.now);
    const effects = this.#core.flush(this.now);
    const answers = effects.flatMap((effect) => this.#perform(effect));
    // What it was asked is of no use here, and a day of it is much.
    this.#keeper.asked.length = 0;
    for (const answer of answers) this.#handle(answer);
  }

  #perform(effect: Effect): readonly Event[] {
    const { queue } = this.#crowd;
    switch (effect.kind) {
      case 'wake':
        queue.cancel(this.#wake);
        this.#wake = queue.at(effect.atMono - this.#bootMono, () => this.#handle({ kind: 'tick' }));
        return [];
      case 'ask_keeper':
        if (effect.ask.kind === 'stop') this.stops += 1;
        return this.#keeper.ask(effect.request, effect.ask);
      case 'dial':
        queue.after(2 * DELAY_MS, () => this.#arrive(effect.stream, effect.endpoint));
        return [];
      case 'send':
        queue.after(DELAY_MS, () => this.#hear(effect.stream, effect.message));
        return [];
      case 'close_stream':
        if (this.#stream === effect.stream) this.#stream = undefined;
        return [];
      case 'renew_certificate':
        queue.after(DELAY_MS, () => this.#renew(effect.endpoint));
        return [];
      case 'check':
      case 'exit':
      case 'forget_cluster':
      case 'kill_trees':
      case 'log':
      case 'open_keeper':
      case 'save_identity':
        return [];
    }
  }

  #arrive(stream: number, endpoint: string): void {
    const { leader } = this.#crowd;
    if (endpoint !== leader || !this.#crowd.takes(this)) {
      this.#handle({ kind: 'closed', stream, reason: 'refused' });
      return;
    }
    this.#stream = stream;
    this.#handle({ kind: 'connected', stream });
  }

  /** The leader, which answers as soon as it hears. */
  #hear(stream: number, message: AgentMessage): void {
    if (stream !== this.#stream) return;
    if (message.kind === 'hello') this.#welcome(stream, message.attempts);
    else if (message.kind === 'heartbeat')
      this.#say(stream, { kind: 'grant', sequence: message.sequence, generation: this.#generation });
  }

  #welcome(stream: number, attempts: Extract<AgentMessage, { kind: 'hello' }>['attempts']): void {
    const { term } = this.#crowd;
    const verdicts = attempts.map(({ run, epoch: of }) => ({ run, epoch: of, action: 'KEEP' as const, reason: '' }));
    const session = sessionId(`${term}-${stream}`);
    this.#generation = 1;
    this.#say(stream, { kind: 'welcome', session, clusterId: CLUSTER, uid: uid(this.name), timers: TIMERS, verdicts });
    if (!this.#runs || attempts.length > 0) return;
    this.#generation = 2;
    this.#say(stream, {
      ...{ kind: 'start', commandId: 1, generation: 2, sequence: 0, run: runId(`${this.name}-1`) },
      ...{ policy: policyId('import'), epoch: epoch(7), terms: TERMS, slots: 1, arguments: [] },
      workload: { kind: 'command', argv: ['true'], env: {}, workingDirectory: '', user: '' },
    });
  }

  #say(stream: number, message: Extract<Event, { kind: 'received' }>['message']): void {
    const { term } = this.#crowd;
    this.#crowd.queue.after(DELAY_MS, () => {
      if (this.#stream === stream) this.#handle({ kind: 'received', stream, term, message });
    });
  }

  #renew(endpoint: string): void {
    const outcome = this.#crowd.renew(this, endpoint);
    this.#crowd.queue.after(DELAY_MS, () => {
      if (outcome.kind === 'RENEWED') {
        this.certificate = outcome.certificate;
        this.renewals += 1;
      }
      this.#handle({ kind: 'renewal', outcome });
    });
  }
}

/** The most that happened within any second. */
export function mostInASecond(times: readonly number[]): number {
  let most = 0;
  let from = 0;
  times.forEach((at, index) => {
    while (present(times[from], 'it is there') <= at - SECOND) from += 1;
    most = Math.max(most, index - from + 1);
  });
  return most;
}

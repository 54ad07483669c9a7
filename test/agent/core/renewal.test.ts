/** When a certificate is renewed: every clock is the test's. */
import { describe, expect, it } from 'vitest';
import type { CertificateFacts, RenewalOutcome } from '../../../agent/core/certificate.ts';
import { present } from '../../../shared/assert.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../../shared/time.ts';
import { VirtualAgent } from './virtual-agent.ts';

const LIFE = 30 * DAY;
const known = <T>(value: T | undefined): T => present(value, 'it is there');
const BUSY = { kind: 'REFUSED', reason: 'OVERLOADED', detail: 'busy', retryAfterMs: 90_000 } as const;
const FAILED: RenewalOutcome = { kind: 'FAILED', detail: 'no connection' };

/** Of this age, by the agent's wall clock. */
function aged(agent: VirtualAgent, ageMs: number, more: { lifeMs?: number; seed?: number } = {}): CertificateFacts {
  const { lifeMs = LIFE, seed = 1 } = more;
  const notBeforeWall = agent.now.wall - ageMs;
  return { notBeforeWall, notAfterWall: notBeforeWall + lifeMs, seed, trusts: ['sha256:a'], issuer: 'sha256:a' };
}

function holding(ageMs: number, more: { lifeMs?: number; seed?: number; agentSeed?: number } = {}): VirtualAgent {
  const agent = new VirtualAgent({ seed: more.agentSeed ?? 1 });
  agent.handle({ kind: 'certificate', certificate: aged(agent, ageMs, more) });
  return agent;
}

const asked = (agent: VirtualAgent): readonly string[] =>
  agent.ofKind('renew_certificate').map(({ endpoint }) => endpoint);

const answer = (agent: VirtualAgent, outcome: RenewalOutcome): void => agent.handle({ kind: 'renewal', outcome });

/** A look at the clocks, as one of the many other events brings it. */
const look = (agent: VirtualAgent): void => agent.handle({ kind: 'tick' });

/** Lets time pass until a controller is asked; milliseconds that it took, undefined: not within the limit. */
function untilAsked(agent: VirtualAgent, limitMs = 40 * DAY): number | undefined {
  const from = agent.now.mono;
  const end = from + limitMs;
  while (!agent.state.renewal.asking) {
    const { wakeAt } = agent.state;
    if (wakeAt > end) return undefined;
    agent.advance(Math.max(1, wakeAt - agent.now.mono));
  }
  return agent.now.mono - from;
}

/** Waits between tries that all come to the same, as long as there is something of the life left. */
function waits(agent: VirtualAgent, outcome: RenewalOutcome, count: number): number[] {
  return Array.from({ length: count }, () => {
    answer(agent, outcome);
    return known(untilAsked(agent));
  });
}

describe('the time of a renewal', () => {
  it('is between two thirds and three quarters of the life, another one for each certificate', () => {
    const ages = Array.from({ length: 1_000 }, (_, seed) => known(untilAsked(holding(0, { seed }))));
    expect(Math.min(...ages)).toBeGreaterThanOrEqual((LIFE * 2) / 3);
    expect(Math.max(...ages)).toBeLessThanOrEqual((LIFE * 3) / 4);
    // A thousand that joined in the same moment: in no minute more than a handful.
    const byMinute = Map.groupBy(ages, (age) => Math.floor(age / MINUTE));
    expect(Math.max(...[...byMinute.values()].map(({ length }) => length))).toBeLessThanOrEqual(6);
  });

  it('is the same after a restart, and a restart does not put it off', () => {
    const first = known(untilAsked(holding(0, { agentSeed: 1 })));
    const restarted = known(untilAsked(holding(10 * DAY, { agentSeed: 2 })));
    expect(Math.abs(10 * DAY + restarted - first)).toBeLessThan(2);
    // An agent that is started again and again asks within half a minute of each start, once it is due.
    expect(known(untilAsked(holding(23 * DAY, { agentSeed: 3 })))).toBeLessThan(30 * SECOND);
  });

  it('is spread over half a minute for those that come back too late from a long absence', () => {
    const waited = Array.from({ length: 300 }, (_, agentSeed) => known(untilAsked(holding(29 * DAY, { agentSeed }))));
    expect(Math.max(...waited)).toBeLessThanOrEqual(30 * SECOND);
    expect(new Set(waited.map((ms) => Math.floor(ms / SECOND))).size).toBeGreaterThan(25);
  });

  it('is not the same again for what came of it', () => {
    const agent = holding(0);
    untilAsked(agent);
    answer(agent, { kind: 'RENEWED', certificate: aged(agent, 5 * MINUTE, { seed: 2 }) });
    const again = known(untilAsked(agent));
    expect(again).toBeGreaterThan((LIFE * 2) / 3 - HOUR);
    expect(again).toBeLessThan((LIFE * 3) / 4);
  });

  it('never comes where other tools renew it, until they have put another one there', () => {
    const agent = holding(29 * DAY);
    untilAsked(agent);
    answer(agent, { kind: 'FOREIGN' });
    expect(untilAsked(agent)).toBeUndefined();
    agent.handle({ kind: 'certificate', certificate: aged(agent, 29 * DAY, { seed: 5 }) });
    expect(untilAsked(agent)).toBeDefined();
  });

  it('never comes on a host that leaves', () => {
    const agent = new VirtualAgent().join();
    agent.handle({ kind: 'leave', reason: 'LEAVE', withinMs: HOUR });
    agent.handle({ kind: 'certificate', certificate: aged(agent, 29 * DAY) });
    agent.live(MINUTE);
    expect(asked(agent)).toEqual([]);
  });
});

describe('a clock that jumps', () => {
  it('forwards past the time of renewal has it renewed within half a minute', () => {
    const agent = holding(DAY);
    agent.move({ wall: 25 * DAY });
    look(agent);
    expect(known(untilAsked(agent))).toBeLessThanOrEqual(30 * SECOND);
  });

  it('forwards at a thousand hosts at once brings them one by one', () => {
    const waited = Array.from({ length: 300 }, (_, agentSeed) => {
      const agent = holding(DAY, { agentSeed });
      agent.move({ wall: 25 * DAY });
      look(agent);
      return known(untilAsked(agent));
    });
    expect(new Set(waited.map((ms) => Math.floor(ms / SECOND))).size).toBeGreaterThan(25);
  });

  it('forwards for good makes a new one rest for a tenth of its life: no controller is asked without end', () => {
    const agent = holding(DAY);
    agent.move({ wall: 400 * DAY });
    look(agent);
    untilAsked(agent);
    // The controller's clock is right: what it signs is over already, by the clock of this host.
    const certificate = { ...aged(agent, 400 * DAY), seed: 2 };
    answer(agent, { kind: 'RENEWED', certificate });
    expect(known(untilAsked(agent))).toBeGreaterThanOrEqual(LIFE / 10);
  });

  it('forwards past the end is doubted: as long as the other clocks say that something is left, it is tried as eagerly', () => {
    const agent = holding(LIFE - HOUR);
    untilAsked(agent);
    agent.move({ wall: 2 * HOUR });
    look(agent);
    for (const waited of waits(agent, FAILED, 20)) expect(waited).toBeLessThanOrEqual(HOUR / 20);
  });

  it('backwards changes nothing: what the other clocks counted counts', () => {
    const agent = holding(0);
    const due = known(untilAsked(holding(0)));
    agent.advance(10 * DAY);
    agent.move({ wall: -1_000 * DAY });
    look(agent);
    expect(Math.abs(known(untilAsked(agent)) + 10 * DAY - due)).toBeLessThan(2);
  });

  it('is none that stood still in suspend: boot time counts it', () => {
    const agent = holding(0);
    agent.move({ boot: 25 * DAY });
    look(agent);
    expect(known(untilAsked(agent))).toBeLessThanOrEqual(30 * SECOND);
  });

  it('backwards and forwards again is over without a call', () => {
    const agent = holding(DAY);
    agent.move({ wall: -100 * DAY });
    look(agent);
    agent.move({ wall: 100 * DAY });
    look(agent);
    expect(untilAsked(agent, 18 * DAY)).toBeUndefined();
  });
});

describe('a renewal that fails', () => {
  it('is tried at the next controller, then again and again, a quarter of an hour apart at most', () => {
    const agent = holding(0);
    untilAsked(agent);
    const waited = waits(agent, FAILED, 60);
    expect(asked(agent).slice(0, 4)).toEqual(['a:1', 'b:1', 'c:1', 'a:1']);
    expect(Math.max(...waited)).toBeLessThanOrEqual(15 * MINUTE);
    expect(Math.max(...waited.slice(0, 3))).toBeLessThanOrEqual(5 * SECOND);
    expect(Math.max(...waited)).toBeGreaterThan(8 * MINUTE);
  });

  it('is tried at the leader of the session, who alone signs', () => {
    const agent = new VirtualAgent({ endpoints: ['a:1', 'b:1'] }).begin();
    agent.handle({ kind: 'closed', stream: agent.dialled, reason: 'refused' });
    agent.advance(30_000);
    agent.connect();
    agent.welcome();
    agent.grant();
    agent.handle({ kind: 'certificate', certificate: aged(agent, 29 * DAY) });
    agent.live(MINUTE);
    answer(agent, FAILED);
    agent.live(MINUTE);
    expect(asked(agent)).toEqual(['b:1', 'b:1']);
  });

  it('is tried the more eagerly the nearer the end is, and patiently once it is over', () => {
    const agent = holding(0);
    untilAsked(agent);
    const gaps: { readonly leftMs: number; readonly waitMs: number }[] = [];
    const endMono =
      agent.now.mono + (LIFE - (agent.now.wall - known(agent.state.renewal.certificate).facts.notBeforeWall));
    while (agent.now.mono < endMono + HOUR) {
      answer(agent, FAILED);
      const leftMs = endMono - agent.now.mono;
      gaps.push({ leftMs, waitMs: known(untilAsked(agent)) });
    }
    const within = (from: number, to: number) => gaps.filter(({ leftMs }) => leftMs > from && leftMs <= to);
    for (const { leftMs, waitMs } of within(0, HOUR))
      expect(waitMs).toBeLessThanOrEqual(Math.max(5 * SECOND, leftMs / 20));
    // Within the last minute there are many tries left, and not hundreds.
    expect(within(0, MINUTE).length).toBeGreaterThan(8);
    expect(within(0, MINUTE).length).toBeLessThan(60);
    expect(within(-HOUR, 0).length).toBeLessThan(30);
  });

  it('waits as long as a busy controller says, and a little longer, each agent another while', () => {
    const waited = Array.from({ length: 100 }, (_, agentSeed) => {
      const agent = holding(0, { agentSeed });
      untilAsked(agent);
      return known(waits(agent, BUSY, 1)[0]);
    });
    expect(Math.min(...waited)).toBeGreaterThanOrEqual(90_000);
    expect(Math.max(...waited)).toBeLessThanOrEqual(99_000);
    expect(new Set(waited).size).toBe(100);
  });

  it('asks the same controller again when it was busy, and another one when it does not lead', () => {
    const agent = holding(0);
    untilAsked(agent);
    waits(agent, BUSY, 2);
    waits(agent, { ...BUSY, reason: 'NOT_LEADER', retryAfterMs: 500 }, 1);
    expect(asked(agent)).toEqual(['a:1', 'a:1', 'a:1', 'b:1']);
  });

  it('is not put off past its end by a controller that names a time too late', () => {
    const agent = holding(LIFE - HOUR);
    untilAsked(agent);
    const [waited] = waits(agent, { ...BUSY, retryAfterMs: 400 * DAY }, 1);
    expect(waited).toBeLessThanOrEqual(HOUR / 2);
  });

  it('is tried once in an hour or two while the certificate is revoked, and at once with a new one', () => {
    const agent = holding(22 * DAY);
    untilAsked(agent);
    const revoked = { ...BUSY, reason: 'CERTIFICATE_REVOKED', retryAfterMs: undefined };
    for (const waited of waits(agent, revoked, 5)) {
      expect(waited).toBeGreaterThanOrEqual(HOUR);
      expect(waited).toBeLessThanOrEqual(2 * HOUR);
    }
    answer(agent, revoked);
    agent.handle({ kind: 'certificate', certificate: aged(agent, 29 * DAY, { seed: 9 }) });
    expect(known(untilAsked(agent))).toBeLessThanOrEqual(30 * SECOND);
  });

  it('is one line in the log, a second one of another level past five sixths of the life, and in the status', () => {
    const agent = holding(0);
    untilAsked(agent);
    waits(agent, FAILED, 10);
    const lines = () => agent.ofKind('log').filter(({ level, text }) => level !== 'debug' && /certificate/.test(text));
    expect(lines().map(({ level }) => level)).toEqual(['warn']);
    expect(agent.state.renewal.problem).toBe('no connection');
    while (agent.now.wall < known(agent.state.renewal.certificate).facts.notAfterWall - DAY) waits(agent, FAILED, 50);
    expect(lines().map(({ level }) => level)).toEqual(['warn', 'error']);
  });

  it('touches neither the session nor what runs, not even when the certificate is over', () => {
    const agent = new VirtualAgent().join();
    agent.start();
    agent.live(6_000);
    agent.handle({ kind: 'certificate', certificate: aged(agent, 29_000, { lifeMs: 30_000 }) });
    agent.clear();
    for (let n = 0; n < 60; n += 1) {
      agent.live(SECOND);
      if (agent.state.renewal.asking) answer(agent, FAILED);
    }
    expect(asked(agent).length).toBeGreaterThan(0);
    expect(agent.stops).toEqual([]);
    expect(agent.ofKind('dial')).toEqual([]);
    expect(agent.ofKind('close_stream')).toEqual([]);
  });

  it('is not asked for twice at once', () => {
    const agent = new VirtualAgent().join();
    agent.handle({ kind: 'certificate', certificate: aged(agent, 29 * DAY) });
    agent.live(10 * MINUTE);
    expect(asked(agent)).toHaveLength(1);
  });
});

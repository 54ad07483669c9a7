import { describe, expect, it } from 'vitest';
import { TIMERS, VirtualAgent } from './virtual-agent.ts';

describe('A1: heartbeats', () => {
  it('are sent with the Welcome and every interval from then on, jittered by at most 10 % either way', () => {
    const agent = new VirtualAgent().join();
    const start = agent.now.mono;
    expect(agent.sendTime(1)).toBe(start);
    const times: number[] = [0];
    while (times.length < 50) {
      agent.advance(1);
      if (agent.lastSequence === times.length) continue;
      times.push(agent.now.mono - start);
      agent.grant();
    }
    expect(agent.said('heartbeat').map(({ sequence }) => sequence)).toEqual(times.map((_, i) => i + 1));
    const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(4_500);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5_501);
    expect(new Set(gaps).size).toBeGreaterThan(20);
  });

  it('that the stream can not take are dropped, use no number, and their changes go into the next', () => {
    const agent = new VirtualAgent().join();
    agent.handle({ kind: 'writable', stream: agent.stream, writable: false });
    agent.handle({ kind: 'capabilities', capabilities: [{ name: 'os', value: 'linux', source: 'FINGERPRINT' }] });
    agent.advance(12_000);
    expect(agent.said('heartbeat')).toHaveLength(1);
    agent.handle({ kind: 'writable', stream: agent.stream, writable: true });
    agent.advance(5_500);
    expect(agent.said('heartbeat').slice(1)).toMatchObject([{ sequence: 2, capabilities: [{ name: 'os' }] }]);
  });

  it('carry capacity and capabilities only when they changed', () => {
    const agent = new VirtualAgent().join();
    agent.live(6_000);
    agent.handle({
      kind: 'capacity',
      capacity: { maxSlots: 3, saturated: true, cpuPercent: 97, memoryPercent: 12 },
    });
    agent.live(11_000);
    const beats = agent.said('heartbeat');
    expect(beats.map(({ capacity }) => capacity?.saturated)).toEqual([undefined, undefined, true, undefined]);
    expect(beats.every(({ capabilities }) => capabilities === undefined)).toBe(true);
  });

  it('tell of the host’s problems when any came or went, and that none is left differs from no change', () => {
    const agent = new VirtualAgent().join();
    agent.live(6_000);
    const full = { kind: 'NO_SPACE', detail: '/var/lib/locum' } as const;
    agent.handle({ kind: 'host_problems', problems: [full, { kind: 'READ_ONLY', detail: 'x'.repeat(999) }] });
    agent.live(5_600);
    agent.handle({ kind: 'host_problems', problems: [{ kind: 'READ_ONLY', detail: 'x'.repeat(999) }, full] });
    agent.live(5_600);
    agent.handle({ kind: 'host_problems', problems: [] });
    agent.live(5_600);
    const told = agent.said('heartbeat').map(({ hostProblems }) => hostProblems?.map(({ kind }) => kind));
    expect(told).toEqual([undefined, undefined, ['NO_SPACE', 'READ_ONLY'], undefined, []]);
    const details = agent.said('heartbeat').flatMap(({ hostProblems }) => hostProblems ?? []);
    expect(details.map(({ detail }) => detail.length)).toEqual([14, 256]);
  });

  it('repeat to a new session what changed after its Hello, though the old session has heard it', () => {
    const agent = new VirtualAgent().join();
    agent.advance(5_600);
    agent.advance(4_000);
    agent.connect();
    agent.handle({ kind: 'capabilities', capabilities: [{ name: 'gpu', value: '', source: 'CONFIG' }] });
    agent.advance(2_000);
    agent.welcome();
    agent.advance(5_600);
    const newest = agent.said('heartbeat', agent.stream);
    expect(newest[0]?.capabilities).toMatchObject([{ name: 'gpu' }]);
  });

  it('follow new timers at once', () => {
    const agent = new VirtualAgent().join();
    agent.receive({ kind: 'timers_changed', timers: { ...TIMERS, heartbeatMs: 1_000, leaseMs: 5_000 } });
    agent.advance(1_101);
    expect(agent.said('heartbeat')).toHaveLength(2);
  });
});

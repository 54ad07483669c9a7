/** What an agent shows at /metrics, on virtual time. */
import { describe, expect, it } from 'vitest';
import { AgentMetrics } from '../../../agent/metrics/agent-metrics.ts';
import { readinessOf } from '../../../agent/readiness.ts';
import { DEFAULT_TIMERS } from '../../../shared/protocol/timers.ts';
import { VirtualAgent } from '../core/virtual-agent.ts';

const INFO = { server: 'web-1', pool: 'default', version: '1.2.3', runtime: 'Node 24.0.0' };
const STEP_MS = 100;

class Shown {
  readonly agent: VirtualAgent;
  readonly metrics: AgentMetrics;
  diskStalls = false;
  certificateEndsMs: number | undefined;
  #fed = 0;

  constructor(agent: VirtualAgent) {
    this.agent = agent;
    this.metrics = new AgentMetrics({
      ...{ state: agent.state, now: () => agent.now, info: INFO },
      ...{ diskStalls: () => this.diskStalls, certificateEndsMs: () => this.certificateEndsMs },
    });
    this.#feed();
  }

  /** Time passes, and every heartbeat is granted at once unless nobody grants. */
  pass(ms: number, { grants = true } = {}): void {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      this.agent.advance(STEP_MS);
      this.#feed();
      if (grants && this.agent.state.session?.awaitingSince !== undefined) this.agent.grant();
    }
  }

  /** Lines of one metric, without its name. */
  async lines(name: string): Promise<readonly string[]> {
    const page = await this.metrics.registry.metrics();
    return page.split('\n').flatMap((line) => (/^[{ ]/.test(line.replace(name, '')) ? [line.replace(name, '')] : []));
  }

  async value(name: string): Promise<number | undefined> {
    const [line] = await this.lines(name);
    return line === undefined ? undefined : Number(line.trim());
  }

  #feed(): void {
    const { effects } = this.agent;
    for (; this.#fed < effects.length; this.#fed += 1) {
      const effect = effects[this.#fed];
      if (effect !== undefined && effect.kind !== 'wake') this.metrics.performed(effect);
    }
  }
}

describe('the metrics of an agent', () => {
  it('say who it is and that it has no session yet, and nothing of leases and certificates that are not there', async () => {
    const shown = new Shown(new VirtualAgent());
    expect(await shown.lines('locum_agent_info')).toEqual([
      '{server="web-1",pool="default",version="1.2.3",runtime="Node 24.0.0"} 1',
    ]);
    expect(await shown.value('locum_agent_connected')).toBe(0);
    expect(await shown.lines('locum_agent_lease_left_seconds')).toEqual([]);
    expect(await shown.lines('locum_agent_certificate_expiry_timestamp_seconds')).toEqual([]);
    expect(await shown.lines('locum_agent_keeper_state')).toContain('{state="opening"} 1');
    expect(readinessOf(shown.agent.state)).toEqual({ ready: false, words: 'no keeper: opening' });
  });

  it('count sessions and the gaps between heartbeats, of one stream each', async () => {
    const agent = new VirtualAgent().join();
    const shown = new Shown(agent);
    shown.pass(60_000);
    expect(await shown.value('locum_agent_connected')).toBe(1);
    expect(await shown.value('locum_agent_sessions_total')).toBe(1);
    const gaps = (await shown.value('locum_agent_heartbeat_gap_seconds_count')) ?? 0;
    expect(gaps).toBeGreaterThan(9);
    const [within] = (await shown.lines('locum_agent_heartbeat_gap_seconds_bucket')).filter((line) =>
      /le="6"/.test(line),
    );
    expect(within).toBe(`{le="6"} ${gaps}`);
    agent.handle({ kind: 'closed', stream: agent.stream, reason: 'cut' });
    expect(await shown.value('locum_agent_connected')).toBe(0);
    expect(readinessOf(agent.state)).toEqual({ ready: false, words: 'no session with a leader' });
    shown.pass(10_000);
    agent.connect();
    agent.welcome({ verdicts: [] });
    shown.pass(20_000);
    expect(await shown.value('locum_agent_sessions_total')).toBe(2);
    expect(readinessOf(agent.state).ready).toBe(true);
  });

  it('say how much is left of the shortest lease, while grants come and while none does', async () => {
    const shown = new Shown(new VirtualAgent().join());
    shown.agent.start();
    expect(await shown.value('locum_agent_lease_seconds')).toBe(DEFAULT_TIMERS.leaseMs / 1000);
    shown.pass(30_000);
    const granted = (await shown.value('locum_agent_lease_left_seconds')) ?? 0;
    expect(granted).toBeGreaterThan(14);
    expect(await shown.value('locum_agent_grant_wait_seconds')).toBe(0);
    shown.pass(10_000, { grants: false });
    const left = (await shown.value('locum_agent_lease_left_seconds')) ?? 0;
    expect(left).toBeCloseTo(granted - 10, 5);
    expect((await shown.value('locum_agent_grant_wait_seconds')) ?? 0).toBeGreaterThan(4);
    expect(await shown.lines('locum_agent_attempts')).toContain('{state="RUNNING"} 1');
  });

  it('say what is wrong with the host, and when the certificate ends', async () => {
    const shown = new Shown(new VirtualAgent().join());
    shown.diskStalls = true;
    shown.certificateEndsMs = 1_800_000_000_500;
    shown.agent.handle({ kind: 'host_problems', problems: [{ kind: 'NO_SPACE', detail: 'full' }] });
    expect(await shown.value('locum_agent_disk_stalled')).toBe(1);
    expect(await shown.value('locum_agent_certificate_expiry_timestamp_seconds')).toBe(1_800_000_000.5);
    expect(await shown.lines('locum_agent_host_problems')).toContain('{problem="NO_SPACE"} 1');
    expect(readinessOf(shown.agent.state)).toEqual({ ready: false, words: 'the host can start nothing: NO_SPACE' });
    shown.agent.handle({ kind: 'host_problems', problems: [] });
    expect(await shown.lines('locum_agent_host_problems')).toContain('{problem="NO_SPACE"} 0');
  });
});

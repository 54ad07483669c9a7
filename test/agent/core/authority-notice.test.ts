import { describe, expect, it } from 'vitest';
import type { CertificateFacts } from '../../../agent/core/certificate.ts';
import { DAY, MINUTE, SECOND } from '../../../shared/time.ts';
import { VirtualAgent } from './virtual-agent.ts';

const [OLD, NEW] = ['sha256:old', 'sha256:new'];

const facts = (agent: VirtualAgent, trusts: readonly string[], issuer: string): CertificateFacts => ({
  ...{ notBeforeWall: agent.now.wall - DAY, notAfterWall: agent.now.wall + 29 * DAY, seed: 1 },
  ...{ trusts, issuer },
});

/** In a session, with a certificate of the old root that is not due for weeks. */
function joined(): VirtualAgent {
  const agent = new VirtualAgent().join();
  agent.handle({ kind: 'certificate', certificate: facts(agent, [OLD], OLD) });
  return agent;
}

const asked = (agent: VirtualAgent): number => agent.ofKind('renew_certificate').length;

function renewed(agent: VirtualAgent, trusts: readonly string[], issuer: string): void {
  agent.handle({ kind: 'renewal', outcome: { kind: 'RENEWED', certificate: facts(agent, trusts, issuer) } });
}

describe('what the leader says of the authority', () => {
  it('makes an agent renew at once that has a certificate of another root, or trusts others', () => {
    const agent = joined();
    agent.receive({ kind: 'authority_notice', trusted: [OLD, NEW], signing: OLD });
    agent.live(2 * SECOND);
    expect(asked(agent)).toBe(1);
    renewed(agent, [NEW, OLD], OLD);
    agent.live(MINUTE);
    expect(asked(agent)).toBe(1);
    agent.receive({ kind: 'authority_notice', trusted: [NEW, OLD], signing: NEW });
    agent.live(2 * SECOND);
    expect(asked(agent)).toBe(2);
  });

  it('leaves one alone that is as it says, and one without a certificate', () => {
    const agent = joined();
    agent.receive({ kind: 'authority_notice', trusted: [OLD], signing: OLD });
    const plain = new VirtualAgent().join();
    plain.receive({ kind: 'authority_notice', trusted: [NEW], signing: NEW });
    for (const one of [agent, plain]) one.live(10 * MINUTE);
    expect([asked(agent), asked(plain)]).toEqual([0, 0]);
  });

  it('is asked for again, ever less often, while a controller signs as before', () => {
    const agent = joined();
    agent.receive({ kind: 'authority_notice', trusted: [NEW], signing: NEW });
    const answerAll = (untilMs: number): void => {
      for (let ms = 0; ms < untilMs; ms += SECOND) {
        agent.live(SECOND);
        if (agent.state.renewal.asking) renewed(agent, [OLD], OLD);
      }
    };
    answerAll(10 * MINUTE);
    const early = asked(agent);
    expect(early).toBeGreaterThan(3);
    answerAll(60 * MINUTE);
    // Ten times as long, and no more calls than before.
    expect(asked(agent) - early).toBeLessThan(early + 10);
    expect(asked(agent)).toBeGreaterThan(early);
  });

  it('is none of the business of an agent whose certificate other tools bring', () => {
    const agent = joined();
    agent.receive({ kind: 'authority_notice', trusted: [NEW], signing: NEW });
    agent.live(2 * SECOND);
    agent.handle({ kind: 'renewal', outcome: { kind: 'FOREIGN' } });
    agent.receive({ kind: 'authority_notice', trusted: [NEW, OLD], signing: NEW });
    agent.live(10 * MINUTE);
    expect(asked(agent)).toBe(1);
  });
});

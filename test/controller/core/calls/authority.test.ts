import { describe, expect, it } from 'vitest';
import type { Call, CallResult } from '../../../../controller/core/cluster/event.ts';
import { deviations } from '../../../../controller/core/deviations.ts';
import type { ControllerCertificate } from '../../../../controller/core/records/authority.ts';
import { ISSUER_FACT, TRUSTS_FACT } from '../../../../shared/protocol/certificate-facts.ts';
import type { LeaderMessage } from '../../../../shared/protocol/leader-message.ts';
import { DAY, SECOND } from '../../../../shared/time.ts';
import type { ModelAgent } from '../world/model-agent.ts';
import { ModelWorld } from '../world/model-world.ts';

const [OLD, NEW] = ['sha256:old', 'sha256:new'];
const root = (hash: string) => ({ hash, certPem: `PEM of ${hash}`, expireWall: 3_650 * DAY });

type Rotate = Extract<Call, { kind: 'rotate_authority' }>;

const facts = (trusts: readonly string[], issuer: string) => [
  { name: ISSUER_FACT, value: issuer, source: 'FINGERPRINT' as const },
  ...trusts.map((value) => ({ name: TRUSTS_FACT, value, source: 'FINGERPRINT' as const })),
];

const READY: ControllerCertificate = { id: 'c1', trusts: [OLD, NEW], issuer: NEW, signs: [OLD, NEW], opens: [] };

/** A cluster with these servers, all of which are connected and know the old root only. */
function cluster(...servers: readonly string[]) {
  const results: CallResult[] = [];
  const told: LeaderMessage[] = [];
  const world = new ModelWorld({
    onEffect: (effect) => {
      if (effect.kind === 'reply') results.push(effect.result);
      if (effect.kind === 'send' && effect.message.kind === 'authority_notice') told.push(effect.message);
    },
  });
  world.elect();
  const agents = servers.map((name) => world.agent(name, { capabilities: facts([OLD], OLD) }));
  const pass = () => world.advanceTo(world.now.mono + SECOND);
  for (const agent of agents) agent.hello();
  pass();
  const rotate = (step: Rotate['step'], more: Partial<Rotate> = {}): CallResult | undefined => {
    const next = step === 'BEGIN' ? { next: root(NEW) } : {};
    world.call({
      ...{ kind: 'rotate_authority', step, force: false, present: root(OLD), ...next, endorsements: '' },
      ...{ controllers: [READY], ...more },
    });
    pass();
    return results.at(-1);
  };
  const says = (agent: ModelAgent | undefined, trusts: readonly string[], issuer: string) => {
    if (agent === undefined) return;
    agent.facts.capabilities = facts(trusts, issuer);
    agent.beat('changes');
    pass();
  };
  return { world, agents, rotate, says, told, pass };
}

const refusal = (result: CallResult | undefined) =>
  result === undefined || result.ok ? undefined : { reason: result.error.reason, message: result.error.message };

describe('a change of the certificate authority', () => {
  it('goes from step to step, each of which agents are told of, and leaves one root', () => {
    const { world, agents, rotate, says, told } = cluster('web-1');
    const hashes = () => world.state.authority?.roots.map(({ hash }) => hash);
    rotate('BEGIN');
    expect([world.state.authority?.phase, hashes()]).toEqual(['TRUSTING', [OLD, NEW]]);
    says(agents[0], [OLD, NEW], OLD);
    rotate('SWITCH');
    expect([world.state.authority?.phase, hashes()]).toEqual(['RENEWING', [NEW, OLD]]);
    says(agents[0], [OLD, NEW], NEW);
    rotate('FINISH');
    expect([world.state.authority?.phase, hashes()]).toEqual(['STEADY', [NEW]]);
    expect(told).toEqual([
      { kind: 'authority_notice', trusted: [OLD, NEW], signing: OLD },
      { kind: 'authority_notice', trusted: [NEW, OLD], signing: NEW },
      { kind: 'authority_notice', trusted: [NEW], signing: NEW },
    ]);
  });

  it('does not let the new root sign while a connected server or a controller does not trust it, and names it', () => {
    const { rotate, agents, says } = cluster('web-1', 'web-2');
    rotate('BEGIN');
    says(agents[0], [OLD, NEW], OLD);
    expect(refusal(rotate('SWITCH'))).toMatchObject({
      reason: 'AUTHORITY_IN_USE',
      message: expect.stringContaining('servers/web-2 does not trust the new root'),
    });
    says(agents[1], [OLD, NEW], OLD);
    const c2 = { ...READY, id: 'c2', signs: [OLD] };
    expect(refusal(rotate('SWITCH', { controllers: [READY, c2], force: true }))?.message).toContain(
      'controllers/c2 does not have the key of the new root',
    );
    expect(refusal(rotate('SWITCH'))).toBeUndefined();
  });

  it('does not drop the old root while a server has a certificate of it, present or away, unless it is to be left behind', () => {
    const { world, rotate, agents, says, pass } = cluster('web-1', 'web-2');
    rotate('BEGIN');
    for (const agent of agents) says(agent, [OLD, NEW], OLD);
    rotate('SWITCH');
    says(agents[0], [OLD, NEW], NEW);
    const [, away] = agents;
    if (away !== undefined) world.cut.add(away);
    away?.powerOff();
    pass();
    expect(refusal(rotate('FINISH'))?.message).toMatch(/servers\/web-2 has a certificate of the old root/);
    const forced = rotate('FINISH', { force: true });
    expect(forced).toMatchObject({
      ok: true,
      value: { behind: [{ name: 'servers/web-2', lack: 'CERTIFICATE' }] },
    });
    expect([...world.state.events].at(-1)).toMatchObject({
      type: 'AUTHORITY_ROTATION_FINISHED',
      message: expect.stringContaining('left behind: servers/web-2'),
    });
  });

  it('is not finished over a controller that shows the old root, whatever is forced', () => {
    const { rotate, agents, says } = cluster('web-1');
    rotate('BEGIN');
    says(agents[0], [OLD, NEW], OLD);
    rotate('SWITCH');
    says(agents[0], [OLD, NEW], NEW);
    const late = { ...READY, id: 'c2', issuer: OLD };
    expect(refusal(rotate('FINISH', { controllers: [READY, late], force: true }))?.message).toContain(
      'controllers/c2 has a certificate of the old root',
    );
  });

  it('takes each step only where it belongs, and says where it is', () => {
    const { rotate } = cluster();
    expect(refusal(rotate('FINISH'))?.reason).toBe('AUTHORITY_WRONG_PHASE');
    rotate('BEGIN');
    expect(refusal(rotate('BEGIN'))?.message).toContain('locum pki rotate switch');
    rotate('SWITCH');
    expect(refusal(rotate('ABORT'))?.message).toContain('locum pki rotate finish');
  });

  it('can be given up before the new root signs', () => {
    const { world, rotate, told } = cluster('web-1');
    rotate('BEGIN');
    rotate('ABORT');
    expect(world.state.authority).toMatchObject({ phase: 'STEADY', roots: [root(OLD)] });
    expect(told.at(-1)).toEqual({ kind: 'authority_notice', trusted: [OLD], signing: OLD });
  });

  it('goes on with the next leader, who tells every agent that comes, and the status says that it is not finished', () => {
    const { world, agents, rotate, told, pass } = cluster('web-1');
    rotate('BEGIN');
    pass();
    world.crash();
    world.elect();
    agents[0]?.hello();
    pass();
    expect(world.state.authority?.phase).toBe('TRUSTING');
    expect(told.at(-1)).toMatchObject({ trusted: [OLD, NEW] });
    expect(deviations(world.state, world.now)).toContainEqual(
      expect.objectContaining({ resource: 'cluster', reason: 'AUTHORITY_ROTATION', command: 'locum pki status' }),
    );
  });
});

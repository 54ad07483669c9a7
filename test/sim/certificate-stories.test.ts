/** Certificates in a world, each in a story of its own: the real cores, and certificates of two minutes. */
import { describe, expect, it } from 'vitest';
import { present } from '../../shared/assert.ts';
import { serverId } from '../../shared/ids.ts';
import { Prng } from '../../shared/prng.ts';
import { MINUTE, SECOND } from '../../shared/time.ts';
import { callEverywhere } from './certificates/stranger.ts';
import { policy, Story } from './story.ts';

const certified = (): Story =>
  new Story({
    policies: [policy('p')],
    change: { certificates: { lifeMs: 2 * MINUTE, faults: new Map() } },
  });

const credentialsOf = (story: Story, name: string) =>
  present(story.site(name).host.directory.credentials, `${name} has a certificate`);

const peopleOf = (story: Story) => present(story.world.certificates, 'there are certificates').people;

const eventsOf = (story: Story): readonly string[] => [...story.state.events].map(({ type }) => type);

describe('a world with certificates', () => {
  it('renews them again and again, and no lease is lost by it', () => {
    const story = certified();
    const { serial } = credentialsOf(story, 's1').certificate;
    story.pass(10 * MINUTE);
    expect(credentialsOf(story, 's1').certificate.serial).toBeGreaterThan(serial + 3);
    expect(story.living('p')).toEqual(['s1@1']);
    expect(eventsOf(story)).not.toContain('SERVER_SILENT');
    expect(story.end()).toEqual([]);
  });

  it('keeps a stream that outlives its certificate, while nobody can sign', () => {
    const story = certified();
    for (const { door } of story.world.controllers) present(door, 'there are certificates').signs = false;
    story.pass(3 * MINUTE);
    expect(story.world.certificates?.people.lockedOut(story.site('s1'))).toBe('its certificate is over');
    expect(story.living('p')).toEqual(['s1@1']);
    expect(story.end()).toEqual([]);
  });

  it('locks a host out that was away for longer than its certificate lasts, until it has joined anew', () => {
    const story = certified();
    const people = peopleOf(story);
    people.areAway = true;
    story.site('s1').powerOff(story.world.queue.now);
    story.pass(3 * MINUTE);
    expect(story.living('p')).toEqual(['s2@2']);
    story.site('s1').startAgent();
    story.pass(SECOND);
    expect(story.server('s1').liveness).toBe('MISSING');
    people.areAway = false;
    story.pass(MINUTE);
    expect(story.server('s1').liveness).toBe('ALIVE');
    expect(eventsOf(story)).toContain('JOIN_TOKEN_USED');
    expect(story.end()).toEqual([]);
  });

  it('gives a server that is revoked nothing more, until it has joined anew', () => {
    const story = certified();
    const people = peopleOf(story);
    people.areAway = true;
    story.call({ kind: 'revoke_server', server: serverId('s1'), reason: 'stolen' });
    story.pass(SECOND);
    expect(story.state.serverLive.get(serverId('s1'))?.session).toBeUndefined();
    story.pass(50 * SECOND);
    expect(story.living('p')).toEqual(['s2@2']);
    people.areAway = false;
    story.pass(MINUTE);
    expect(story.server('s1').liveness).toBe('ALIVE');
    expect(story.end()).toEqual([]);
  });

  it('hears nothing of what a server says under the name of another, but that it was refused', () => {
    const story = certified();
    const before = story.server('s1').version;
    callEverywhere(story.world, {
      ...{ from: story.site('s2'), credentials: credentialsOf(story, 's2'), says: serverId('s1') },
    });
    story.pass(30 * SECOND);
    expect(story.living('p')).toEqual(['s1@1']);
    expect(story.server('s1').version).toBe(before);
    expect(story.state.storeBehind).toBeUndefined();
    const told = [...story.state.events].filter(({ type }) => type === 'ENTRY_REFUSED');
    expect(told.map(({ details }) => details?.['reason'])).toEqual(['WRONG_IDENTITY']);
    expect(story.end()).toEqual([]);
  });

  it('changes its authority in the middle of a failover, and leaves nobody behind who is away for it', () => {
    const story = certified();
    const { certificates } = story.world;
    const { rotation } = present(certificates, 'there are certificates');
    story.site('s1').powerOff(story.world.queue.now);
    rotation.begin(new Prng(2));
    story.pass(80 * SECOND);
    expect(story.state.authority?.phase).toBe('RENEWING');
    story.site('s1').startAgent();
    story.pass(3 * MINUTE);
    expect(story.state.authority).toMatchObject({ phase: 'STEADY', roots: [{ hash: 'sha256:root-2' }] });
    const issuers = ['s1', 's2', 's3'].map((name) => credentialsOf(story, name).certificate.issuer);
    expect(new Set(issuers)).toEqual(new Set(['sha256:root-2']));
    expect(story.living('p')).toEqual(['s2@2']);
    expect(story.end()).toEqual([]);
  });
});

/** Renewal at the leader: what is judged, what the store is asked, and from when the new certificate counts. */
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { renewing } from '../../../controller/access/renewal.ts';
import type { Signer, SigningOptions } from '../../../controller/access/signer.ts';
import { SigningTurns } from '../../../controller/access/signing-turns.ts';
import type { LeaderTerm } from '../../../controller/leadership/leader-term.ts';
import type { AcceptedPeer } from '../../../shared/access/peer-judge.ts';
import { LocumError } from '../../../shared/errors.ts';
import { RenewCertificateRequestSchema } from '../../../shared/gen/locum/v1/agent_service_pb.ts';
import { serverId } from '../../../shared/ids.ts';
import { makePlainRequest } from '../../../shared/pki/plain-request.ts';
import { MINUTE, SECOND } from '../../../shared/time.ts';
import { ModelWorld } from '../core/world/model-world.ts';

const notLeader = new LocumError('NOT_LEADER', 'another controller leads');

/** A leader that has revoked nobody; `confirm` is what the store says of it. */
async function leader(confirm: () => Promise<void>) {
  const { request: certificateRequest } = await makePlainRequest();
  const world = new ModelWorld({});
  world.elect();
  const signed: SigningOptions[] = [];
  const signer: Signer = {
    rootsPem: 'ROOT',
    turns: new SigningTurns(),
    refuseWithoutKey: () => undefined,
    sign: async (_, __, options = {}) => {
      signed.push(options);
      const life = { notBeforeMs: 0, notAfterMs: 0 };
      return { certPem: 'CERT', rootsPem: 'ROOT', clusterId: 'c', serial: '1', ...life };
    },
  };
  const term: Pick<LeaderTerm, 'read' | 'confirmTerm'> = {
    read: async (look) => look(world.state, world.now),
    confirmTerm: confirm,
  };
  const wall = world.now.wall;
  const peer: AcceptedPeer = {
    identity: { clusterId: 'c', kind: 'server', name: 'web-1' },
    ...{ serial: '1', notBeforeMs: wall - MINUTE, notAfterMs: wall + MINUTE },
  };
  const renew = renewing({ signer, leaderTerm: () => term, nowWall: () => world.now.wall });
  const ask = () => renew(create(RenewCertificateRequestSchema, { certificateRequest }), peer);
  return { world, wall, signed, ask };
}

describe('a certificate', () => {
  it('is renewed by a leader that the store confirms', async () => {
    const { ask, signed } = await leader(async () => undefined);
    expect(await ask()).toEqual({ certificate: 'CERT', roots: 'ROOT' });
    expect(signed).toHaveLength(1);
  });

  it('is not renewed by a leader that was deposed and does not know it, for it does not know what was revoked since', async () => {
    const { ask, signed } = await leader(() => Promise.reject(notLeader));
    await expect(ask()).rejects.toBe(notLeader);
    expect(signed).toEqual([]);
  });

  it('counts from when it was judged, however late it is signed: what is revoked meanwhile stays so', async () => {
    const [asked, store] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { ask, signed, world, wall } = await leader(() => {
      asked.resolve();
      return store.promise;
    });
    const answer = ask();
    await asked.promise;
    world.advanceTo(world.now.mono + 20 * MINUTE);
    store.resolve();
    await answer;
    expect(signed).toEqual([{ validFromMs: undefined, judgedMs: wall }]);
  });

  it('that was revoked is not followed by another one', async () => {
    const { ask, signed, world } = await leader(async () => undefined);
    world.call({ kind: 'revoke_server', server: serverId('web-1'), reason: '' });
    world.advanceTo(world.now.mono + SECOND);
    await expect(ask()).rejects.toMatchObject({ reason: 'CERTIFICATE_REVOKED' });
    expect(signed).toEqual([]);
  });
});

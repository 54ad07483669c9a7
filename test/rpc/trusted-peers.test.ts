/** Connections over TLS while the roots that their certificates were taken for change. */
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as dial } from 'node:tls';
import { createClient } from '@connectrpc/connect';
import { expect, it, onTestFinished } from 'vitest';
import { openPeer } from '../../controller/replication/peer.ts';
import type { PeerKind } from '../../shared/access/identity.ts';
import { present } from '../../shared/assert.ts';
import { ClusterService } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { Authority, makeAuthority } from '../../shared/pki/authority.ts';
import { makeRequest } from '../../shared/pki/key-pair.ts';
import { isDistrusted, peerOf } from '../../shared/rpc/caller.ts';
import { startListener } from '../../shared/rpc/single-port-listener.ts';
import { dialOptions, TlsIdentity, type TlsMaterial } from '../../shared/rpc/tls-identity.ts';
import { TrustedPeers } from '../../shared/rpc/trusted-peers.ts';
import { makeForeignPki } from '../pki/foreign-pki.ts';

const newAuthority = async (): Promise<Authority> => Authority.open(await makeAuthority('c', Date.now()));

async function material(kind: PeerKind, by: Authority, rootsPem: string): Promise<TlsMaterial> {
  const { csrPem, keyPem } = await makeRequest();
  const identity = { clusterId: 'c', kind, name: kind };
  const { certPem } = await by.sign({ csrPem, identity, nowMs: Date.now(), hosts: ['127.0.0.1'] });
  return { certPem, keyPem, rootsPem };
}

/** A listener that takes users and controllers, and answers with whether the other end is still trusted. */
async function listening(own: TlsMaterial) {
  const identity = new TlsIdentity(own);
  const listener = await startListener({
    ...{ host: '127.0.0.1', port: 0, allowedHosts: ['localhost'] },
    handler: (request, response) => response.end(isDistrusted(present(peerOf(request), 'a peer')) ? 'no' : 'yes'),
    tls: {
      ...{ identity, rule: () => ({ clusterId: 'c', kinds: ['user', 'controller'] as const }) },
      refused: () => undefined,
    },
  });
  onTestFinished(() => listener.close(0));
  return { identity, listener, url: `https://127.0.0.1:${listener.port}` };
}

async function dialled(url: string, own: TlsMaterial): Promise<ClientHttp2Session> {
  const options = dialOptions(new TlsIdentity(own), () => ({ clusterId: 'c', kinds: ['controller'] }));
  const session = connect(url, options);
  session.on('error', () => undefined);
  onTestFinished(() => session.destroy());
  await once(session, 'connect');
  return session;
}

async function isTrusted(session: ClientHttp2Session): Promise<string> {
  const request = session.request({ ':path': '/' }).setEncoding('utf8');
  let answer = '';
  for await (const part of request) answer += part;
  return answer;
}

it('a root that goes takes the connections with it that only it stood for: controllers at once, people with a reason', async () => {
  const [old, young] = [await newAuthority(), await newAuthority()];
  const both = young.certPem + old.certPem;
  const { identity, listener, url } = await listening(await material('controller', young, both));
  const [user, newUser] = [
    await dialled(url, await material('user', old, both)),
    await dialled(url, await material('user', young, both)),
  ];
  const controller = await dialled(url, await material('controller', old, both));
  identity.replace({ ...identity.material, rootsPem: old.certPem + young.certPem });
  listener.endFallen();
  expect([await isTrusted(user), await isTrusted(newUser), await isTrusted(controller)]).toEqual(['yes', 'yes', 'yes']);
  identity.replace({ ...identity.material, rootsPem: young.certPem });
  const closed = once(controller, 'close');
  listener.endFallen();
  expect([await isTrusted(user), await isTrusted(newUser)]).toEqual(['no', 'yes']);
  await closed;
});

it('a controller that was dialled goes with its root as well', async () => {
  const [old, young] = [await newAuthority(), await newAuthority()];
  const both = young.certPem + old.certPem;
  const { listener } = await listening(await material('controller', old, both));
  const identity = new TlsIdentity(await material('controller', young, both));
  const trusted = new TrustedPeers(identity);
  const tls = { identity, rule: () => ({ clusterId: 'c', kinds: ['controller'] as const }), dialled: trusted };
  const peer = openPeer(`127.0.0.1:${listener.port}`, tls);
  onTestFinished(peer.close);
  // What listens there is no controller's API; it is connected to all the same.
  await expect(createClient(ClusterService, peer.transport).getStatus({})).rejects.toThrow('content type');
  expect(trusted.fallen()).toEqual([]);
  identity.replace({ ...identity.material, rootsPem: young.certPem });
  expect(trusted.fallen()).toHaveLength(1);
  expect(trusted.fallen()).toEqual([]);
});

it('who has a certificate of an authority below a root stays as long as that does', async () => {
  const foreign = await makeForeignPki();
  const below = await Authority.open({ certPem: foreign.chainPem, keyPem: foreign.keyPem });
  const own = await newAuthority();
  const both = own.certPem + foreign.chainPem;
  const { identity, listener, url } = await listening(await material('controller', own, both));
  const user = await dialled(url, await material('user', below, both));
  expect(await isTrusted(user)).toBe('yes');
  identity.replace({ ...identity.material, rootsPem: foreign.chainPem });
  listener.endFallen();
  expect(await isTrusted(user)).toBe('yes');
  identity.replace({ ...identity.material, rootsPem: own.certPem });
  listener.endFallen();
  expect(await isTrusted(user)).toBe('no');
});

it('a handshake that began before a root went does not bring it back in', async () => {
  const [old, young] = [await newAuthority(), await newAuthority()];
  const both = young.certPem + old.certPem;
  const { url } = await listening(await material('controller', young, both));
  const identity = new TlsIdentity(await material('controller', young, both));
  const trusted = new TrustedPeers(identity);
  const { roots } = trusted;
  const { port, hostname: host } = new URL(url);
  const own = new TlsIdentity(await material('user', young, both));
  const socket = dial({
    ...dialOptions(own, () => ({ clusterId: 'c', kinds: ['controller'] })),
    host,
    port: Number(port),
  });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'secureConnect');
  expect(trusted.add(socket, roots)).toBe(true);
  identity.replace({ ...identity.material, rootsPem: old.certPem });
  expect(trusted.add(socket, roots)).toBe(false);
  identity.replace({ ...identity.material, rootsPem: young.certPem });
  expect(trusted.add(socket, roots)).toBe(true);
});

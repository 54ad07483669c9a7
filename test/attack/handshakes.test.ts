/** TLS handshakes that are begun and not ended, or over and over, at the door of any listener. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { PeerIdentity } from '../../shared/access/identity.ts';
import { Authority, makeAuthority } from '../../shared/pki/authority.ts';
import { makeRequest } from '../../shared/pki/key-pair.ts';
import { defaultHandshakePace } from '../../shared/rpc/handshake-pace.ts';
import { type HandshakeLimits, openTlsDoor, type TurnedAway } from '../../shared/rpc/tls-door.ts';
import { TlsIdentity } from '../../shared/rpc/tls-identity.ts';
import { closeOf } from './frames.ts';

/** The first bytes of a ClientHello, whose rest never comes. */
const HALF_CLIENT_HELLO = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]);

type Certify = (kind: PeerIdentity['kind'], name: string) => Promise<TlsIdentity>;

async function certifying(): Promise<Certify> {
  const authority = await Authority.open(await makeAuthority('c', Date.now()));
  return async (kind, name) => {
    const { csrPem, keyPem } = await makeRequest();
    const { certPem } = await authority.sign({ csrPem, identity: { clusterId: 'c', kind, name }, nowMs: Date.now() });
    return new TlsIdentity({ certPem, keyPem, rootsPem: authority.certPem });
  };
}

interface Door {
  readonly port: number;
  readonly certify: Certify;
  /** Connections that came to the door, and what became of them. */
  readonly came: Socket[];
  readonly refused: TurnedAway[];
  readonly admitted: Socket[];
}

async function door(handshakes: Partial<HandshakeLimits>): Promise<Door> {
  const [came, refused, admitted]: [Socket[], TurnedAway[], Socket[]] = [[], [], []];
  const certify = await certifying();
  const { take } = openTlsDoor({
    identity: await certify('controller', 'c1'),
    rule: () => ({ clusterId: 'c', kinds: ['server'] }),
    admitsNobody: true,
    protocols: ['h2'],
    handshakes,
    owner: { admitted: (_secured, _peer, raw) => void admitted.push(raw), refused: (one) => void refused.push(one) },
  });
  const tcp = createServer((socket) => {
    came.push(socket);
    socket.on('error', () => undefined);
    take(socket);
  });
  await once(tcp.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    for (const socket of came) socket.destroy();
    tcp.close();
  });
  const address = tcp.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, certify, came, refused, admitted };
}

/** Resolves when the door has it. */
async function halfHandshake({ port, came }: Door, from: string): Promise<Socket> {
  const before = came.length;
  const socket = connect({ port, host: '127.0.0.1', localAddress: from });
  socket.on('error', () => undefined).resume();
  onTestFinished(() => void socket.destroy());
  socket.write(HALF_CLIENT_HELLO);
  await expect.poll(() => came.length).toBeGreaterThan(before);
  return socket;
}

/** A whole one, as an honest library makes it; whether the door let it in. */
async function handshake({ port, admitted }: Door, from: string, shown?: TlsIdentity): Promise<boolean> {
  const before = admitted.length;
  const socket = connect({ port, host: '127.0.0.1', localAddress: from });
  const secured = connectTls({
    ...(shown === undefined ? {} : { secureContext: shown.context }),
    socket,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
  });
  onTestFinished(() => void secured.destroy());
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.on('error', () => undefined);
  secured.on('error', () => undefined);
  secured.once('close', () => resolve(false)).once('secureConnect', () => resolve(true));
  if (!(await promise)) return false;
  await expect.poll(() => admitted.length).toBeGreaterThan(before);
  return true;
}

const openOf = ({ came }: Door): readonly boolean[] => came.map(({ destroyed }) => !destroyed);

describe('handshakes', () => {
  it('that are never ended are given up, and told', async () => {
    const opened = await door({ timeoutMs: 50, most: 10 });
    await closeOf(await halfHandshake(opened, '127.0.0.2'));
    expect(opened.refused).toMatchObject([{ reason: 'HANDSHAKE_FAILED', message: 'ERR_TLS_HANDSHAKE_TIMEOUT' }]);
  });

  it('of an address that begins them over and over take the places of its own, and others shake hands', async () => {
    const opened = await door({ timeoutMs: 60_000, most: 4 });
    for (let i = 0; i < 10; i += 1) await halfHandshake(opened, '127.0.0.2');
    expect(openOf(opened).filter((isOpen) => isOpen)).toHaveLength(4);
    for (let i = 0; i < 3; i += 1) expect(await handshake(opened, '127.0.0.1')).toBe(true);
    await expect.poll(() => opened.admitted.length).toBe(3);
    expect(opened.admitted.map(({ destroyed }) => destroyed)).toEqual([false, false, false]);
    expect(opened.refused).toEqual([]);
  });

  it('that have begun are not given up for newcomers when all have their share', async () => {
    const opened = await door({ timeoutMs: 60_000, most: 2 });
    for (const from of ['127.0.0.2', '127.0.0.3', '127.0.0.4']) await halfHandshake(opened, from);
    expect(openOf(opened)).toEqual([true, true, false]);
  });

  it('of an address that has made too many are refused before any TLS, and others shake hands', async () => {
    const opened = await door({ pace: { ...defaultHandshakePace, address: { burst: 3, everyMs: 3_600_000 } } });
    const shaken: boolean[] = [];
    for (let i = 0; i < 5; i += 1) shaken.push(await handshake(opened, '127.0.0.2'));
    expect(shaken).toEqual([true, true, true, false, false]);
    expect(await handshake(opened, '127.0.0.3')).toBe(true);
    expect(opened.admitted).toHaveLength(4);
    expect(opened.refused.map(({ reason }) => reason)).toEqual(['TOO_MANY_HANDSHAKES', 'TOO_MANY_HANDSHAKES']);
  });

  it('that end with a certificate are counted by its name: many agents behind one address all shake hands', async () => {
    const opened = await door({
      pace: { address: { burst: 3, everyMs: 3_600_000 }, name: { burst: 2, everyMs: 3_600_000 } },
    });
    for (let i = 0; i < 6; i += 1)
      expect(await handshake(opened, '127.0.0.2', await opened.certify('server', `web-${i}`))).toBe(true);
    // One that goes on and on uses up its own, and then those of its address.
    const broken = await opened.certify('server', 'web-0');
    const shaken: boolean[] = [];
    for (let i = 0; i < 5; i += 1) shaken.push(await handshake(opened, '127.0.0.2', broken));
    expect(shaken).toEqual([true, true, true, true, false]);
  });
});

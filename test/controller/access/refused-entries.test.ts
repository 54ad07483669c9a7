/** Whoever comes with a certificate or a token that does not do, over real sockets: refused with a reason, and an event that names it. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { CreateJoinTokenResponse } from '../../../shared/gen/locum/v1/enrolment_service_pb.ts';
import { Authority, makeAuthority } from '../../../shared/pki/authority.ts';
import { makeRequest } from '../../../shared/pki/key-pair.ts';
import type { TlsMaterial } from '../../../shared/rpc/tls-identity.ts';
import { DAY, HOUR, MINUTE } from '../../../shared/time.ts';
import { startTlsController, type TlsController, whyNot } from '../../agent/enrolment/tls-controller.ts';
import { dialled, reasonOfEnd } from '../agents/dialled-agent.ts';

/** What is noted goes into the log within 5 seconds. */
const TOLD_WITHIN_MS = 15_000;

let world: TlsController;

beforeAll(async () => {
  world = await startTlsController();
});
afterAll(() => world.close());

const token = (server: string): Promise<CreateJoinTokenResponse> =>
  world.api.enrolment.createJoinToken({ server: `servers/${server}` });

const dial = (own: TlsMaterial) => dialled(world.controller.agentAddress, own, { clusterId: world.clusterId });

/** The end of the stream of an agent that says it is `server`. */
async function endOf(own: TlsMaterial, server: string): Promise<string> {
  const { next, hello } = dial(own);
  const first = await next();
  if (first.kind === 'closed') return first.reason;
  hello(server);
  return reasonOfEnd(next);
}

/** Refusals of which the log has to tell: what its message says, and the reason. */
const owed: (readonly [about: string, reason: string])[] = [];
const owe = (about: string, reason: string): void => void owed.push([about, reason]);

async function registered(): Promise<string[]> {
  const { servers } = await world.api.servers.listServers({ pageSize: 1_000 });
  return servers.map(({ name }) => name);
}

async function ofAnotherAuthority(name: string): Promise<TlsMaterial> {
  const other = await Authority.open(await makeAuthority(world.clusterId, Date.now()));
  const { csrPem, keyPem } = await makeRequest();
  const identity = { clusterId: world.clusterId, kind: 'server', name } as const;
  const { certPem } = await other.sign({ csrPem, identity, nowMs: Date.now() });
  const { rootsPem } = await world.certify('server', name);
  return { certPem, keyPem, rootsPem };
}

describe('an agent is refused', () => {
  it.each<[string, string, (name: string) => Promise<TlsMaterial>]>([
    ['expired', 'EXPIRED', (name) => world.certify('server', name, { nowMs: Date.now() - 2 * DAY, lifeMs: HOUR })],
    ['early', 'NOT_YET_VALID', (name) => world.certify('server', name, { nowMs: Date.now() + DAY })],
    ['forged', 'UNKNOWN_AUTHORITY', ofAnotherAuthority],
  ])('whose certificate is %s: %s', async (name, reason, made) => {
    await endOf(await made(name), name);
    expect(await registered()).not.toContain(`servers/${name}`);
    owe(`servers/${name}`, reason);
  });

  it('whose certificate is that of a person: WRONG_KIND', async () => {
    await endOf(await world.certify('user', 'ann'), 'ann');
    expect(await registered()).not.toContain('servers/ann');
    owe('', 'WRONG_KIND');
  });

  it('that says it is another server: WRONG_IDENTITY, and the event has both names', async () => {
    expect(await endOf(await world.certify('server', 'thief'), 'victim')).toContain('WRONG_IDENTITY');
    owe('servers/victim, with the certificate of thief', 'WRONG_IDENTITY');
  });

  it('that was revoked, at once and from then on: CERTIFICATE_REVOKED', async () => {
    const own = await world.certify('server', 'stolen');
    const { next, hello } = dial(own);
    await next();
    hello('stolen');
    await expect.poll(async () => (await next()).kind).toBe('received');
    await world.api.enrolment.revokeServer({ server: 'servers/stolen', reason: 'a test' });
    expect(await reasonOfEnd(next)).toContain('CERTIFICATE_REVOKED');
    expect(await endOf(own, 'stolen')).toContain('CERTIFICATE_REVOKED');
    owe('servers/stolen', 'CERTIFICATE_REVOKED');
    const { revocations } = await world.api.enrolment.listRevocations({});
    expect(revocations).toMatchObject([{ server: 'servers/stolen', reason: 'a test', deleted: false }]);
  });

  it('that was deleted, until it has joined anew', async () => {
    const made = await token('gone');
    await world.join(made, 'gone');
    const own = await world.certificateOf('gone');
    const { next, hello, goodbye } = dial(own);
    await next();
    hello('gone');
    await expect.poll(async () => (await next()).kind).toBe('received');
    goodbye();
    await reasonOfEnd(next);
    await world.api.servers.deleteServer({ name: 'servers/gone' });
    expect(await endOf(own, 'gone')).toContain('CERTIFICATE_REVOKED');
    // The answer that its token is good for a second time is not given for what was taken back.
    const folder = { stateDir: `${world.folder}/gone-again`, tlsDir: `${world.folder}/gone-again/tls` };
    expect(await whyNot(world.join(made, 'gone', folder))).toBe('JOIN_TOKEN_USED');
    await world.join(await token('gone'), 'gone', folder);
    const anew = dial(await world.certificateOf('gone-again'));
    await anew.next();
    anew.hello('gone');
    await expect.poll(async () => (await anew.next()).kind).toBe('received');
  });
});

describe('a host that wants to join is refused', () => {
  const idOf = ({ joinToken }: CreateJoinTokenResponse): string => joinToken?.name ?? '';

  it('with a token that another one used: JOIN_TOKEN_USED', async () => {
    const made = await token('first');
    await world.join(made, 'first');
    const folder = { stateDir: `${world.folder}/replay`, tlsDir: `${world.folder}/replay/tls` };
    expect(await whyNot(world.join(made, 'first', folder))).toBe('JOIN_TOKEN_USED');
    owe(idOf(made), 'JOIN_TOKEN_USED');
  });

  it('with the token of another name: JOIN_TOKEN_MISMATCH', async () => {
    const made = await token('somebody');
    expect(await whyNot(world.join(made, 'nobody'))).toBe('JOIN_TOKEN_MISMATCH');
    owe(idOf(made), 'JOIN_TOKEN_MISMATCH');
  });

  it('with a token that was taken back: JOIN_TOKEN_REVOKED', async () => {
    const made = await token('late');
    await world.api.enrolment.revokeJoinToken({ name: idOf(made) });
    expect(await whyNot(world.join(made, 'late'))).toBe('JOIN_TOKEN_REVOKED');
    owe(idOf(made), 'JOIN_TOKEN_REVOKED');
  });

  it('with a token whose time is over: JOIN_TOKEN_EXPIRED', async () => {
    const made = await token('later');
    const now = Date.now.bind(Date);
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + HOUR + MINUTE);
    try {
      expect(await whyNot(world.join(made, 'later'))).toBe('JOIN_TOKEN_EXPIRED');
    } finally {
      clock.mockRestore();
    }
    owe(idOf(made), 'JOIN_TOKEN_EXPIRED');
  });

  it('with a token that nobody made: JOIN_TOKEN_UNKNOWN', async () => {
    const made = await token('guess');
    const guessed = { ...made, token: `${made.token.slice(0, -4)}aaaa` };
    expect(await whyNot(world.join(guessed, 'guess'))).toBe('JOIN_TOKEN_UNKNOWN');
    owe('', 'JOIN_TOKEN_UNKNOWN');
  });
});

it('the log tells of each refusal that was made here, with its reason', { timeout: 2 * TOLD_WITHIN_MS }, async () => {
  const missing = async () => {
    const { events } = await world.api.events.listEvents({ type: 'ENTRY_REFUSED', pageSize: 1_000 });
    return owed.filter(
      ([about, reason]) =>
        !events.some(({ message, details }) => message.includes(about) && details['reason'] === reason),
    );
  };
  await expect.poll(missing, { timeout: TOLD_WITHIN_MS, interval: 100 }).toEqual([]);
});

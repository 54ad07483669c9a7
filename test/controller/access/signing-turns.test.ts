/** Joins and renewals, and the one row that both stand in; the clock stands still. */
import type { HandlerContext } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { renewing } from '../../../controller/access/renewal.ts';
import type { Signer } from '../../../controller/access/signer.ts';
import { SigningTurns } from '../../../controller/access/signing-turns.ts';
import type { ApiContext } from '../../../controller/api/api-context.ts';
import { enrolmentService } from '../../../controller/api/enrolment-service.ts';
import { JOIN_TOKEN_BYTES, joinTokenFrom, joinTokenText } from '../../../shared/access/join-token.ts';
import type { AcceptedPeer } from '../../../shared/access/peer-judge.ts';
import { LocumError } from '../../../shared/errors.ts';
import { EnrolmentService } from '../../../shared/gen/locum/v1/enrolment_service_pb.ts';
import { makeRequest, requestToDer } from '../../../shared/pki/key-pair.ts';
import { sha256 } from '../../../shared/sha256.ts';
import { anybodysCall } from '../../open-access.ts';

/** What is answered: `signed`, or a reason and the time to come again. */
type Answered = string;

async function world() {
  const { csrPem } = await makeRequest();
  const certificateRequest = requestToDer(csrPem);
  const life = { notBeforeMs: 0, notAfterMs: 1 };
  const key = { isHere: true };
  const signer: Signer = {
    rootsPem: '',
    turns: new SigningTurns(() => 0),
    refuseWithoutKey: () => {
      if (!key.isHere) throw new LocumError('NO_AUTHORITY', 'its key is not here');
    },
    sign: async () => ({ certPem: '', rootsPem: '', clusterId: 'c', serial: '1', ...life }),
  };
  const token = joinTokenFrom(new Uint8Array(JOIN_TOKEN_BYTES));
  const known = { id: token.id, secretHash: sha256(token.secret) };
  const used: string[] = [];
  const term = {
    // Whoever comes has a good token, or a good certificate.
    call: async ({ request: { server } }: { readonly request: { readonly server: string } }) => {
      used.push(server);
      return { kind: 'admitted', server, pool: 'default', bound: undefined, validFromWall: undefined };
    },
    read: async (look: (state: unknown) => unknown) =>
      look({ revocations: new Map(), joinTokens: new Map([[known.id, known]]) }),
    confirmTerm: async () => undefined,
  };
  const api = { signer, leaderTerm: () => term, controllers: { list: async () => [] } } as unknown as ApiContext;
  const { join } = enrolmentService(api);
  const renew = renewing({ signer, leaderTerm: () => term as never });
  const from = { service: EnrolmentService, method: EnrolmentService.method.join, values: anybodysCall() };
  const context = from as Partial<HandlerContext> as HandlerContext;
  return {
    key,
    used,
    join: (server: string): Promise<Answered> =>
      answered(async () => {
        const isStranger = server.startsWith('stranger');
        const shown = isStranger ? '' : joinTokenText(token);
        const request = isStranger ? new Uint8Array([1, 2, 3]) : certificateRequest;
        const message = { token: shown, server: `servers/${server}`, pool: '', certificateRequest: request };
        return join(message as never, context);
      }),
    renew: (server: string): Promise<Answered> =>
      answered(() => {
        const identity = { clusterId: 'c', kind: 'server', name: server } as const;
        return renew({ certificateRequest } as never, { identity, serial: '1', ...life } satisfies AcceptedPeer);
      }),
  };
}

async function answered(ask: () => Promise<unknown>): Promise<Answered> {
  try {
    await ask();
    return 'signed';
  } catch (error) {
    if (error instanceof LocumError) return `${error.reason} ${error.retryAfterMs ?? ''}`.trim();
    throw error;
  }
}

const MISSING = ['NO_AUTHORITY', 'NO_AUTHORITY'];

describe('what is signed for servers', () => {
  it('has one pace, whether they join or renew, and each that is too many is told a turn of its own', async () => {
    const { join, renew } = await world();
    for (let i = 0; i < 20; i += 1) {
      expect(await join(`new-${i}`)).toBe('signed');
      expect(await renew(`old-${i}`)).toBe('signed');
    }
    expect(await join('new-20')).toBe('OVERLOADED 100');
    expect(await renew('old-20')).toBe('OVERLOADED 150');
    expect(await join('new-21')).toBe('OVERLOADED 200');
  });

  it('is bounded for one server, whichever way it asks', async () => {
    const { join, renew } = await world();
    for (let i = 0; i < 3; i += 1) expect(await join('web-1')).toBe('signed');
    for (let i = 0; i < 2; i += 1) expect(await renew('web-1')).toBe('signed');
    expect(await join('web-1')).toBe('TOO_MANY_REQUESTS 10000');
    expect(await renew('web-1')).toBe('TOO_MANY_REQUESTS 10000');
    expect(await join('web-2')).toBe('signed');
  });

  it('is nobody else’s turn when a stranger asks for it', async () => {
    const { join } = await world();
    for (let i = 0; i < 100; i += 1) expect(await join(`stranger-${i}`)).toBe('JOIN_TOKEN_UNKNOWN');
    expect(await join('web-1')).toBe('signed');
  });

  it('waits for the key: where that is missing, neither turns nor tokens are used up', async () => {
    const { join, renew, key, used } = await world();
    key.isHere = false;
    for (let i = 0; i < 10; i += 1) expect([await join('web-1'), await renew('web-1')]).toEqual(MISSING);
    expect(used).toEqual([]);
    key.isHere = true;
    expect([await join('web-1'), await renew('web-1')]).toEqual(['signed', 'signed']);
  });
});

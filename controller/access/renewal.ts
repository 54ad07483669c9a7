/** A new certificate for a server whose certificate is good: for the same name and pool, as long as nobody has taken it back. */
import type { AcceptedPeer } from '../../shared/access/peer-judge.ts';
import { invalidField, LocumError } from '../../shared/errors.ts';
import type { RenewCertificateRequest } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { LIMITS } from '../../shared/limits.ts';
import { CertificateRequestError } from '../../shared/pki/authority.ts';
import { requestFromDer } from '../../shared/pki/key-pair.ts';
import type { AgentListenerOptions } from '../agents/agent-listener.ts';
import { notLeader } from '../api/api-context.ts';
import type { LeaderTerm } from '../leadership/leader-term.ts';
import { judgeRenewal } from './renewal-judge.ts';
import type { Signer } from './signer.ts';

export interface RenewalOptions {
  /** Undefined: the cluster has no certificates. */
  readonly signer: Signer | undefined;
  /** Undefined: this controller does not lead. */
  readonly leaderTerm: () => Pick<LeaderTerm, 'read' | 'confirmTerm'> | undefined;
  /** Unix milliseconds. Default: of this process. */
  readonly nowWall?: () => number;
}

type Renew = NonNullable<AgentListenerOptions['renew']>;

/** What the agent listener answers such calls with. */
export function renewing(options: RenewalOptions): Renew {
  return (request, peer) => renewCertificate(request, peer, { nowWall: () => Date.now(), ...options });
}

/** Rejects with LocumError NOT_LEADER, STORE_UNAVAILABLE, CERTIFICATE_REVOKED, INVALID_FIELD, NO_AUTHORITY, OVERLOADED, TOO_MANY_REQUESTS. */
async function renewCertificate(
  { certificateRequest }: Pick<RenewCertificateRequest, 'certificateRequest'>,
  peer: AcceptedPeer | undefined,
  { signer, leaderTerm, nowWall }: Required<RenewalOptions>,
): Promise<{ readonly certificate: string; readonly roots: string }> {
  if (signer === undefined || peer === undefined)
    throw new LocumError('NO_AUTHORITY', 'this connection has no certificate that could be renewed');
  if (certificateRequest.length === 0 || certificateRequest.length > LIMITS.certificateRequestBytes)
    throw invalidField('certificate_request', `must be 1 to ${LIMITS.certificateRequestBytes} bytes`);
  const term = leaderTerm();
  if (term === undefined) throw notLeader();
  const judgedMs = nowWall();
  const { holder, validFromMs } = await term.read((state) => judgeRenewal(state, peer));
  signer.refuseWithoutKey();
  signer.turns.take(holder.name);
  // One that was deposed does not know what was revoked since.
  await term.confirmTerm();
  try {
    const { certPem, rootsPem } = await signer.sign(requestFromDer(certificateRequest), holder, {
      validFromMs,
      judgedMs,
    });
    return { certificate: certPem, roots: rootsPem };
  } catch (error) {
    if (error instanceof CertificateRequestError) throw invalidField('certificate_request', error.message);
    throw error;
  }
}

/** The life of a certificate: `HeldCertificate` ⇄ locum.v1.CertificateLife. */
import { create } from '@bufbuild/protobuf';
import { type CertificateLife, CertificateLifeSchema } from '../gen/locum/v1/certificate_pb.ts';
import { printable } from '../printable.ts';
import type { HeldCertificate } from '../protocol/agent-message.ts';
import { toTimestamp } from '../rpc/time-messages.ts';
import { requiredTime } from './required.ts';

export function certificateToProto({ notBeforeWall, notAfterWall, renewalProblem }: HeldCertificate): CertificateLife {
  return create(CertificateLifeSchema, {
    ...{ startTime: toTimestamp(notBeforeWall), expireTime: toTimestamp(notAfterWall), renewalProblem },
  });
}

/** @throws LocumError INVALID_FIELD */
export const certificateFromProto = ({ startTime, expireTime, renewalProblem }: CertificateLife): HeldCertificate => ({
  notBeforeWall: requiredTime(startTime, 'certificate.start_time'),
  notAfterWall: requiredTime(expireTime, 'certificate.expire_time'),
  renewalProblem: printable(renewalProblem),
});

/** The certificate authority: core ⇄ API and store. */
import { create } from '@bufbuild/protobuf';
import { requiredTime, requiredWord } from '../../shared/codec/required.ts';
import { wordTable } from '../../shared/codec/word-table.ts';
import { invalidField } from '../../shared/errors.ts';
import {
  type AuthorityRecord as AuthorityRecordMessage,
  AuthorityRecordSchema,
} from '../../shared/gen/locum/store/v1/record_pb.ts';
import {
  AuthorityLaggardSchema,
  AuthoritySchema,
  type Authority as PbAuthority,
  AuthorityLack as PbLack,
  type AuthorityLaggard as PbLaggard,
  AuthorityPhase as PbPhase,
  type AuthorityRoot as PbRoot,
  AuthorityStep as PbStep,
} from '../../shared/gen/locum/v1/authority_pb.ts';
import { fromTimestamp, toTimestamp } from '../../shared/rpc/time-messages.ts';
import type {
  AuthorityLack,
  AuthorityPhase,
  AuthorityRecord,
  AuthorityRoot,
  AuthorityStep,
  Laggard,
} from '../core/records/authority.ts';

const phaseWords = wordTable<AuthorityPhase, PbPhase>({
  STEADY: PbPhase.STEADY,
  TRUSTING: PbPhase.TRUSTING,
  RENEWING: PbPhase.RENEWING,
});
const lackWords = wordTable<AuthorityLack, PbLack>({
  TRUST: PbLack.TRUST,
  CERTIFICATE: PbLack.CERTIFICATE,
  KEY: PbLack.KEY,
  WORD: PbLack.WORD,
});
export const stepWords = wordTable<AuthorityStep, PbStep>({
  BEGIN: PbStep.BEGIN,
  SWITCH: PbStep.SWITCH,
  FINISH: PbStep.FINISH,
  ABORT: PbStep.ABORT,
});

/** As it is shown: without keys, wrapped or not. */
export const authorityToProto = ({ phase, roots, sinceWall, creator }: AuthorityRecord): PbAuthority =>
  create(AuthoritySchema, {
    ...{ phase: phaseWords.to[phase], creator },
    ...(sinceWall === undefined ? {} : { phaseTime: toTimestamp(sinceWall) }),
    roots: roots.map(({ hash, certPem, expireWall, wrapped }) => ({
      ...{ hash, certificate: certPem, expireTime: toTimestamp(expireWall), wrappedBy: wrapped?.by ?? '' },
    })),
  });

export const laggardToProto = ({ name, connected, lack }: Laggard): PbLaggard =>
  create(AuthorityLaggardSchema, { name, connected, lack: lackWords.to[lack] });

export const authorityToRecord = (record: AuthorityRecord): AuthorityRecordMessage =>
  create(AuthorityRecordSchema, {
    authority: authorityToProto(record),
    keys: record.roots.flatMap(({ hash: root, wrapped }) =>
      wrapped === undefined ? [] : [{ root, wrappedBy: wrapped.by, data: wrapped.data }],
    ),
    endorsements: record.endorsements,
  });

/** @throws LocumError INVALID_FIELD for a damaged record. */
export function authorityFromRecord({ authority, keys, endorsements }: AuthorityRecordMessage): AuthorityRecord {
  const { phase = PbPhase.UNSPECIFIED, roots = [], phaseTime, creator = '' } = authority ?? {};
  const rootOf = ({ hash, certificate, expireTime }: PbRoot): AuthorityRoot => {
    const key = keys.find(({ root }) => root === hash);
    return {
      ...{ hash, certPem: certificate, expireWall: requiredTime(expireTime, 'expire_time') },
      ...(key === undefined ? {} : { wrapped: { by: key.wrappedBy, data: key.data } }),
    };
  };
  const [first, ...others] = roots.map(rootOf);
  if (first === undefined) throw invalidField('authority.roots', 'must not be empty');
  return {
    ...{ kind: 'authority', phase: requiredWord(phaseWords, phase, 'phase'), roots: [first, ...others] },
    ...{ endorsements, sinceWall: fromTimestamp(phaseTime), creator },
  };
}

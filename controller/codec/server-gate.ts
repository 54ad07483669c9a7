/** The gate of a server: core ⇄ API and store. */
import { create } from '@bufbuild/protobuf';
import { fromUint64, toUint64 } from '../../shared/codec/numbers.ts';
import { requiredTime, requiredWord } from '../../shared/codec/required.ts';
import { wordSet, wordTable } from '../../shared/codec/word-table.ts';
import {
  type Probation as PbProbation,
  type Quarantine as PbQuarantine,
  type ServerGate as PbServerGate,
  ProbationSchema,
  QuarantineSchema,
  ServerGateSchema,
} from '../../shared/gen/locum/store/v1/record_pb.ts';
import { type GateStatus, GateStatusSchema, Gate as PbGate } from '../../shared/gen/locum/v1/server_pb.ts';
import { hostProblemsFromProto, hostProblemsToProto } from '../../shared/rpc/host-problem-messages.ts';
import { toTimestamp } from '../../shared/rpc/time-messages.ts';
import { OPEN_GATE, type Probation, type Quarantine, type ServerGate } from '../core/records/gate-record.ts';
import type { Server } from '../core/records/state.ts';
import { gateOf } from '../core/views.ts';

const gateWords = wordTable<ReturnType<typeof gateOf>['kind'], PbGate>({
  OPEN: PbGate.OPEN,
  PROBATION: PbGate.PROBATION,
  QUARANTINED: PbGate.QUARANTINED,
});

const probationWords = wordSet<Probation['phase']>({ REPORTED: true, PAUSED: true, TRIAL: true });
const quarantineWords = wordSet<Quarantine['phase']>({ AWAY: true, CLOSED: true, OVER: true });

export const gateToProto = (server: Server): PbGate => gateWords.to[gateOf(server).kind];

/** `wallAt`: the time that an age of the cluster stands for. Undefined: the gate is open. */
export function gateStatusToProto(server: Server, wallAt: (age: number) => number): GateStatus | undefined {
  const gate = gateOf(server);
  if (gate.kind === 'OPEN') return undefined;
  return create(GateStatusSchema, {
    sinceTime: toTimestamp(gate.sinceWall),
    untilTime: toTimestamp(gate.untilAge === undefined ? undefined : wallAt(gate.untilAge)),
    reason: `${gate.why}; ${gate.wayOut}`,
    problems: hostProblemsToProto(server.gate.problems).problems,
  });
}

/** Undefined: there is nothing to keep. */
export function gateToRecord({ problems, probation, quarantine, missingAges }: ServerGate): PbServerGate | undefined {
  if (probation === undefined && quarantine === undefined && missingAges.length + problems.length === 0)
    return undefined;
  return create(ServerGateSchema, {
    problems: hostProblemsToProto(problems).problems,
    ...(probation === undefined ? {} : { probation: create(ProbationSchema, closedToProto(probation)) }),
    ...(quarantine === undefined ? {} : { quarantine: create(QuarantineSchema, closedToProto(quarantine)) }),
    missingAgesMs: missingAges.map(toUint64),
  });
}

function closedToProto({ phase, sinceWall, untilAge, rounds }: Probation | Quarantine) {
  return { phase, sinceTime: toTimestamp(sinceWall), untilAgeMs: toUint64(untilAge), rounds: toUint64(rounds) };
}

/** @throws LocumError INVALID_FIELD for a damaged record. */
export function gateFromRecord(record: PbServerGate | undefined): ServerGate {
  if (record === undefined) return OPEN_GATE;
  const { probation, quarantine } = record;
  return {
    problems: hostProblemsFromProto(record) ?? [],
    probation:
      probation === undefined
        ? undefined
        : {
            ...closedFromProto(probation, 'gate.probation'),
            phase: requiredWord(probationWords, probation.phase, 'gate.probation.phase'),
          },
    quarantine:
      quarantine === undefined
        ? undefined
        : {
            ...closedFromProto(quarantine, 'gate.quarantine'),
            phase: requiredWord(quarantineWords, quarantine.phase, 'gate.quarantine.phase'),
          },
    missingAges: record.missingAgesMs.map((age) => fromUint64(age, 'gate.missing_ages_ms')),
  };
}

function closedFromProto({ sinceTime, untilAgeMs, rounds }: PbProbation | PbQuarantine, field: string) {
  return {
    sinceWall: requiredTime(sinceTime, `${field}.since_time`),
    untilAge: fromUint64(untilAgeMs, `${field}.until_age_ms`),
    rounds: fromUint64(rounds, `${field}.rounds`),
  };
}

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import {
  HostProblemKind as HostProblemEnum,
  HostProblemKindSchema,
  HostProblemSchema,
  HostProblemSetSchema,
} from '../../shared/gen/locum/v1/host_problem_pb.ts';
import { HOST_PROBLEM_DETAIL_LIMIT, HOST_PROBLEM_KINDS, tellableProblems } from '../../shared/host-problem.ts';
import {
  hostProblemFromProto,
  hostProblemsFromProto,
  hostProblemsToProto,
  hostProblemToProto,
} from '../../shared/rpc/host-problem-messages.ts';

describe('problems of a host', () => {
  it('have one word and one number each, and no number without a word', () => {
    const numbers: number[] = HostProblemKindSchema.values.map(({ number }) => number).filter((number) => number !== 0);
    expect(HOST_PROBLEM_KINDS.map(hostProblemToProto)).toEqual(numbers);
    expect(numbers.map((number) => hostProblemFromProto(number as HostProblemEnum))).toEqual(HOST_PROBLEM_KINDS);
  });

  it('are none where the kind is unset, and another one where a newer version names one that is not known', () => {
    expect(hostProblemFromProto(HostProblemEnum.UNSPECIFIED)).toBeUndefined();
    expect(hostProblemFromProto(99 as HostProblemEnum)).toBe('OTHER');
  });

  it('tell “none” from “nothing said” on the wire', () => {
    expect(hostProblemsFromProto(undefined)).toBeUndefined();
    const none = fromBinary(HostProblemSetSchema, toBinary(HostProblemSetSchema, hostProblemsToProto([])));
    expect(hostProblemsFromProto(none)).toEqual([]);
  });

  it('of a message are taken once for each kind, whatever it says', () => {
    const said = ([kind, detail]: readonly [number, string]) =>
      create(HostProblemSchema, { kind: kind as HostProblemEnum, detail });
    const told = [[0, 'a'] as const, [1, 'b'] as const, [77, 'c'] as const, [1, ''] as const];
    const set = create(HostProblemSetSchema, { problems: told.map(said) });
    expect(hostProblemsFromProto(set)).toEqual([
      { kind: 'NO_SPACE', detail: '' },
      { kind: 'OTHER', detail: 'c' },
    ]);
  });

  it('have bounded details', () => {
    const [told] = tellableProblems([{ kind: 'IO_ERROR', detail: 'x'.repeat(10_000) }]);
    expect(told?.detail).toHaveLength(HOST_PROBLEM_DETAIL_LIMIT);
  });
});

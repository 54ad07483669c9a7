/** Problems of a host: words ⇄ `locum.v1`. Both sides of the agent's stream and the keeper's protocol speak of them. */
import { create } from '@bufbuild/protobuf';
import {
  HostProblemKind as HostProblemEnum,
  type HostProblemSet,
  HostProblemSetSchema,
} from '../gen/locum/v1/host_problem_pb.ts';
import { HOST_PROBLEM_KINDS, type HostProblem, type HostProblemKind, tellableProblems } from '../host-problem.ts';
import { printable } from '../printable.ts';

const NUMBERS: Readonly<Record<HostProblemKind, HostProblemEnum>> = {
  NO_SPACE: HostProblemEnum.NO_SPACE,
  READ_ONLY: HostProblemEnum.READ_ONLY,
  IO_ERROR: HostProblemEnum.IO_ERROR,
  NO_DESCRIPTORS: HostProblemEnum.NO_DESCRIPTORS,
  NO_PROCESSES: HostProblemEnum.NO_PROCESSES,
  NO_MEMORY: HostProblemEnum.NO_MEMORY,
  NO_CGROUP: HostProblemEnum.NO_CGROUP,
  OTHER: HostProblemEnum.OTHER,
};

const WORDS: ReadonlyMap<HostProblemEnum, HostProblemKind> = new Map(
  HOST_PROBLEM_KINDS.map((word) => [NUMBERS[word], word]),
);

/** Undefined, which is no problem of the host, is UNSPECIFIED. */
export const hostProblemToProto = (kind: HostProblemKind | undefined): HostProblemEnum =>
  kind === undefined ? HostProblemEnum.UNSPECIFIED : NUMBERS[kind];

/** UNSPECIFIED is none; a number that this version does not know is a problem all the same. */
export const hostProblemFromProto = (kind: HostProblemEnum): HostProblemKind | undefined =>
  kind === HostProblemEnum.UNSPECIFIED ? undefined : (WORDS.get(kind) ?? 'OTHER');

export function hostProblemsToProto(problems: readonly HostProblem[]): HostProblemSet {
  return create(HostProblemSetSchema, {
    problems: tellableProblems(problems).map(({ kind, detail }) => ({ kind: hostProblemToProto(kind), detail })),
  });
}

/** Undefined stays undefined: nothing was said. In an entry, a kind that is not set is a problem without a name. */
export function hostProblemsFromProto(
  set: Pick<HostProblemSet, 'problems'> | undefined,
): readonly HostProblem[] | undefined {
  if (set === undefined) return undefined;
  return tellableProblems(
    set.problems.map(({ kind, detail }) => ({
      kind: hostProblemFromProto(kind) ?? 'OTHER',
      detail: printable(detail),
    })),
  );
}

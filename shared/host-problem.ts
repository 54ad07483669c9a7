/**
 * What can be wrong with a host, so that nothing can be started there (semantics, section 8). One list of words for agent, keeper
 * and controller; the enum of the wire is `locum.v1.HostProblemKind`.
 */

/** In the order of the proto. OTHER is also what only the other side has a name for. */
export const HOST_PROBLEM_KINDS = [
  'NO_SPACE',
  'READ_ONLY',
  'IO_ERROR',
  'NO_DESCRIPTORS',
  'NO_PROCESSES',
  'NO_MEMORY',
  'NO_CGROUP',
  'OTHER',
] as const;

export type HostProblemKind = (typeof HOST_PROBLEM_KINDS)[number];

export interface HostProblem {
  readonly kind: HostProblemKind;
  /** In words, such as the path and the error of the system. At most `HOST_PROBLEM_DETAIL_LIMIT` characters. */
  readonly detail: string;
}

export const HOST_PROBLEM_DETAIL_LIMIT = 256;

export const isHostProblemKind = (word: string): word is HostProblemKind =>
  (HOST_PROBLEM_KINDS as readonly string[]).includes(word);

/** As they may be told: one of each kind, the last one said, in the order of the list, and with bounded details. */
export function tellableProblems(problems: readonly HostProblem[]): readonly HostProblem[] {
  const byKind = new Map(problems.map((problem) => [problem.kind, problem.detail]));
  return HOST_PROBLEM_KINDS.flatMap((kind) => {
    const detail = byKind.get(kind);
    return detail === undefined ? [] : [{ kind, detail: shortened(detail) }];
  });
}

const shortened = (detail: string): string =>
  detail.length <= HOST_PROBLEM_DETAIL_LIMIT ? detail : `${detail.slice(0, HOST_PROBLEM_DETAIL_LIMIT - 1)}…`;

export const sameProblems = (a: readonly HostProblem[], b: readonly HostProblem[]): boolean =>
  a.length === b.length && a.every(({ kind, detail }, i) => kind === b[i]?.kind && detail === b[i]?.detail);

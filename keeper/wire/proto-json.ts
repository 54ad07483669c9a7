/**
 * Messages of `locum.keeper.v1` as their JSON, by hand: on the socket and in the journal. The library that reads protos by their
 * descriptors cost the keeper 20 MiB for a dozen small messages. What is not there, or is not what it should be, is the default.
 */
import {
  HOST_PROBLEM_KINDS,
  type HostProblem,
  type HostProblemKind,
  tellableProblems,
} from '../../shared/host-problem.ts';

export type Json = string | number | boolean | null | undefined | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [field: string]: Json;
}

export function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

export const listOf = (value: Json): readonly Json[] => (Array.isArray(value) ? value : []);
export const textOf = (value: Json): string => (typeof value === 'string' ? value : '');
export const textsOf = (value: Json): readonly string[] => listOf(value).map(textOf);

/** 64-bit integers are strings. Not a number, where it is none. */
export const numberOf = (value: Json): number => (value === undefined ? 0 : Number(value));

export function mapOf(value: Json): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(objectOf(value)).map(([key, entry]) => [key, textOf(entry)]));
}

/** `20s`, `1.500s`. Undefined where there is none. */
export function durationOf(value: Json): number | undefined {
  const seconds = typeof value === 'string' && value.endsWith('s') ? Number(value.slice(0, -1)) : Number.NaN;
  return Number.isFinite(seconds) ? Math.round(seconds * 1e6) / 1e3 : undefined;
}

export const durationJson = (ms: number): string => `${(ms / 1000).toFixed(6)}s`;

/** Milliseconds since 1970. Undefined where there is none. */
export function timeOf(value: Json): number | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isFinite(ms) ? ms : undefined;
}

export const timeJson = (ms: number): string => new Date(ms).toISOString();

/** The word of an enum without its prefix; an older or newer one that is not among `words` is undefined. */
export function wordOf<W extends string>(value: Json, prefix: string, words: readonly W[]): W | undefined {
  return words.find((word) => value === `${prefix}_${word}`);
}

const KIND = 'HOST_PROBLEM_KIND';

export const hostProblemFromJson = (value: Json): HostProblemKind | undefined =>
  wordOf(value, KIND, HOST_PROBLEM_KINDS);

export const hostProblemJson = (kind: HostProblemKind): string => `${KIND}_${kind}`;

export function hostProblemsJson(problems: readonly HostProblem[]): JsonObject {
  return {
    problems: tellableProblems(problems).map(({ kind, detail }) => ({ kind: hostProblemJson(kind), detail })),
  };
}

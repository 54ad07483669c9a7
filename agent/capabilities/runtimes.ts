/** Runtimes and tools that policies commonly need, found by asking each for its version. */
import type { Capability } from '../../shared/protocol/capability.ts';
import { outputOf } from './program-output.ts';

/** One that does not answer within this time has told nothing. */
const TIMEOUT_MS = 2_000;

export interface Found {
  readonly facts: readonly Capability[];
  /** Everybody answered. */
  readonly isSure: boolean;
}

interface Runtime {
  /** Name of the capability. */
  readonly name: string;
  readonly argv: readonly string[];
  /** Where the version is in what it prints; the first group. Default: the first number with a dot. */
  readonly version?: RegExp;
  /** It prints several versions, which are installed side by side: each counts, and its first two numbers as well. */
  readonly hasSeveral?: boolean;
}

const FIRST_VERSION = /(\d+(?:\.\d+)+)/;

const runtimes: readonly Runtime[] = [
  { name: 'bash', argv: ['bash', '--version'] },
  { name: 'curl', argv: ['curl', '--version'] },
  { name: 'docker', argv: ['docker', '--version'] },
  // Microsoft.NETCore.App 8.0.11 [/usr/share/dotnet/shared/Microsoft.NETCore.App]
  {
    name: 'dotnet',
    argv: ['dotnet', '--list-runtimes'],
    version: /^Microsoft\.NETCore\.App (\d+(?:\.\d+)+\S*)/gm,
    hasSeveral: true,
  },
  { name: 'git', argv: ['git', '--version'] },
  { name: 'go', argv: ['go', 'version'] },
  // Java prints it to standard error, in quotes: openjdk version "21.0.2".
  { name: 'java', argv: ['java', '-version'], version: /version "(\d+(?:[._]\d+)*)/ },
  { name: 'node', argv: ['node', '--version'] },
  { name: 'perl', argv: ['perl', '-e', 'print $^V'] },
  { name: 'php', argv: ['php', '--version'] },
  { name: 'podman', argv: ['podman', '--version'] },
  { name: 'psql', argv: ['psql', '--version'] },
  { name: 'pwsh', argv: ['pwsh', '--version'] },
  { name: 'python', argv: ['python3', '--version'] },
  { name: 'rsync', argv: ['rsync', '--version'] },
  { name: 'ruby', argv: ['ruby', '--version'] },
  { name: 'sqlite3', argv: ['sqlite3', '--version'] },
];

/** The programs that are asked. */
export const RUNTIME_PROGRAMS: readonly string[] = runtimes.map(({ argv: [program = ''] }) => program);

/**
 * All that are there, asked at the same time. One whose version can not be read is present without a value. One that does not answer in
 * time is what it was `before`: a busy host has lost nothing, and its policies must not move for it.
 */
export async function findRuntimes(env: NodeJS.ProcessEnv, before: readonly Capability[]): Promise<Found> {
  const found = await Promise.all(runtimes.map((runtime) => findRuntime(runtime, env, before)));
  return { facts: found.flatMap(({ facts }) => facts), isSure: found.every(({ isSure }) => isSure) };
}

async function findRuntime(
  { name, argv, version = FIRST_VERSION, hasSeveral = false }: Runtime,
  env: NodeJS.ProcessEnv,
  before: readonly Capability[],
): Promise<Found> {
  const output = await outputOf(argv, { timeoutMs: TIMEOUT_MS, env });
  if (output.kind === 'failed') {
    const known = output.isLate ? before.filter((capability) => capability.name === name) : [];
    return { facts: known, isSure: !output.isLate };
  }
  const said = `${output.stdout}\n${output.stderr}`;
  const fact = (value: string): Capability => ({ name, value, source: 'FINGERPRINT' });
  const facts = hasSeveral
    ? [...said.matchAll(version)].flatMap(([, value = '']) => [fact(majorMinor(value)), fact(value)])
    : [fact(version.exec(said)?.[1]?.replaceAll('_', '.') ?? '')];
  return { facts, isSure: true };
}

/** `3.1` of `3.1.32`, so that `dotnet = 3.1` is met by it. */
const majorMinor = (version: string): string => version.split('.').slice(0, 2).join('.');

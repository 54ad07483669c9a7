/** Runtimes and tools that policies commonly need, found by asking each for its version. */
import type { Capability } from '../../shared/protocol/capability.ts';
import { outputOf } from './program-output.ts';

/** One that does not answer within this time has told nothing. */
const TIMEOUT_MS = 2_000;

interface Runtime {
  /** Name of the capability. */
  readonly name: string;
  readonly argv: readonly string[];
  /** Where the version is in what it prints; the first group. Default: the first number with a dot. */
  readonly version?: RegExp;
}

const FIRST_VERSION = /(\d+(?:\.\d+)+)/;

const runtimes: readonly Runtime[] = [
  { name: 'bash', argv: ['bash', '--version'] },
  { name: 'curl', argv: ['curl', '--version'] },
  { name: 'docker', argv: ['docker', '--version'] },
  { name: 'dotnet', argv: ['dotnet', '--version'] },
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

/**
 * All that are there, asked at the same time. One whose version can not be read is present without a value. One that does not answer in
 * time is what it was `before`: a busy host has lost nothing, and its policies must not move for it.
 */
export async function findRuntimes(
  env: NodeJS.ProcessEnv,
  before: readonly Capability[],
): Promise<readonly Capability[]> {
  const found = await Promise.all(runtimes.map((runtime) => findRuntime(runtime, env, before)));
  return found.filter((capability) => capability !== undefined);
}

async function findRuntime(
  { name, argv, version = FIRST_VERSION }: Runtime,
  env: NodeJS.ProcessEnv,
  before: readonly Capability[],
): Promise<Capability | undefined> {
  const output = await outputOf(argv, { timeoutMs: TIMEOUT_MS, env });
  if (output.kind === 'failed')
    return output.isLate ? before.find((capability) => capability.name === name) : undefined;
  const value = version.exec(`${output.stdout}\n${output.stderr}`)?.[1]?.replaceAll('_', '.') ?? '';
  return { name, value, source: 'FINGERPRINT' };
}

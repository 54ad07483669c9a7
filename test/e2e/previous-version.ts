/** An older version of this code, out of its history, ready to be run beside this one. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './locum-command.ts';

/** What controllers, agents and keepers say to each other, and what they write down. */
const DIALECT = ['proto/locum/v1/agent_service.proto', 'proto/locum/keeper', 'proto/locum/store'];
const LIMIT_BYTES = 256 * 1024 * 1024;

export interface PreviousVersion {
  readonly commit: string;
  /** Its `bin/locum.js`. */
  readonly program: string;
  /** What its controller takes to let everybody in. */
  readonly openFlags: readonly string[];
  remove(): void;
}

function git(...words: readonly string[]): Buffer | undefined {
  const { status, stdout } = spawnSync('git', words, { cwd: ROOT, maxBuffer: LIMIT_BYTES });
  return status === 0 ? stdout : undefined;
}

/**
 * The last release before this commit. Before the first one: the commit before the last one that changed what is said or written down, since
 * the commit before this one mostly says the same.
 */
function previousCommit(): string | undefined {
  const released = git('describe', '--tags', '--abbrev=0', 'HEAD^')?.toString().trim();
  if (released !== undefined && released !== '') return released;
  const changed = git('log', '-1', '--format=%H', '--', ...DIALECT)
    ?.toString()
    .trim();
  return changed === undefined || changed === ''
    ? undefined
    : git('rev-parse', '--verify', '-q', `${changed}^`)?.toString().trim();
}

/** The version, or why there is none here. */
export function previousVersion(): PreviousVersion | string {
  const commit = previousCommit();
  if (commit === undefined) return 'this copy has no history of git, or one that is cut off';
  const archive = git('archive', '--format=tar', commit);
  if (archive === undefined) return `git has no ${commit}`;
  const folder = mkdtempSync(join(tmpdir(), 'locum-previous-'));
  const { status, stderr } = spawnSync('tar', ['-x', '-C', folder], { input: archive, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  // Generated from protos of others, which history does not hold.
  for (const made of ['google', 'grpc']) {
    const from = join(ROOT, 'shared/gen', made);
    mkdirSync(join(folder, 'shared/gen'), { recursive: true });
    if (existsSync(from)) cpSync(from, join(folder, 'shared/gen', made), { recursive: true });
  }
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // Before it could ask for names it let everybody in.
  const asks = readFileSync(join(folder, 'cli/controller/command.ts'), 'utf8').includes("'--open'");
  return { commit, program: join(folder, 'bin/locum.js'), openFlags: asks ? ['--open'] : [], remove };
}

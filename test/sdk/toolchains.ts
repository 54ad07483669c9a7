/** Builds the packages of the SDKs as a user would get them, and installs them into empty folders, once a run of the tests. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ROOT } from '../e2e/locum-command.ts';
import { ProgramDriver, type SdkDriver } from './driver.ts';

/** An SDK that can be driven, or why it can't be had here. */
export interface Provided {
  readonly start?: () => SdkDriver;
  readonly missing?: string;
  /** Runs a program of that language that uses the package. */
  readonly command?: (file: string) => readonly [string, ...string[]];
}

const STEP_TIMEOUT_MS = 180_000;

class Missing extends Error {}

function step(file: string, args: readonly string[], cwd = ROOT): string {
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    cwd,
    encoding: 'utf8',
    timeout: STEP_TIMEOUT_MS,
    env: { ...process.env, PATH: `${join(ROOT, 'node_modules/.bin')}${delimiter}${process.env['PATH'] ?? ''}` },
  });
  if (error !== undefined) throw new Missing(`${file}: ${error.message}`);
  if (status !== 0) throw new Error(`${file} ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout;
}

/** What a tool says that lacks a part of itself, or can't reach its packages; anything else is a defect of ours. */
const UNREACHABLE =
  /ensurepip is not available|No module named (?:pip|venv)|No matching distribution|Could not find a version|ConnectionError|dial tcp|no such host/;

function provided(make: (folder: string) => Provided): () => Provided {
  let known: Provided | undefined;
  return () => {
    known ??= tried(make);
    return known;
  };
}

function tried(make: (folder: string) => Provided): Provided {
  const folder = mkdtempSync(join(tmpdir(), 'locum-sdk-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  try {
    return make(folder);
  } catch (error) {
    if (error instanceof Missing) return { missing: error.message };
    const [first = '', ...rest] = String(error).trim().split('\n');
    if (UNREACHABLE.test(String(error))) return { missing: `${first} ${rest.at(-1) ?? ''}` };
    throw error;
  }
}

/** The wheel, in a virtual environment of its own. */
export const providePython = provided((folder) => {
  step('protoc', ['--version']);
  const python = join(folder, 'venv/bin/python');
  const wheels = join(folder, 'wheels');
  step('python3', ['-m', 'venv', join(folder, 'venv')]);
  step(process.execPath, ['scripts/sdk.ts', 'python', wheels]);
  const wheel = join(wheels, readdirSync(wheels)[0] ?? '');
  step(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', wheel]);
  const player = join(ROOT, 'sdk/python/conformance/player.py');
  return { start: () => new ProgramDriver(python, [player]), command: (file) => [python, file] };
});

export function providePythonAsyncio(): Provided {
  const { command, ...rest } = providePython();
  if (command === undefined) return rest;
  const [python, player] = command(join(ROOT, 'sdk/python/conformance/player.py'));
  return { command, start: () => new ProgramDriver(python, [player ?? '', '--aio']) };
}

/** The first block of code of a README. */
export function firstLines(readme: string): string {
  const block = /^```\w+\n(.*?)^```$/ms.exec(readme)?.[1];
  if (block === undefined) throw new Error('the README has no code');
  return block;
}

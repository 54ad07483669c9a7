/** Builds the packages of the SDKs as a user would get them, and installs them into empty folders, once a run of the tests. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { errorCode } from '../../shared/caught-error.ts';
import { ROOT } from '../e2e/locum-command.ts';
import { isAlive } from '../e2e/process-liveness.ts';
import { ProgramDriver, type SdkDriver } from './driver.ts';

/** An SDK that can be driven, or why it can't be had here. */
export interface Provided {
  readonly start?: () => SdkDriver;
  readonly missing?: string;
  /** What runs a program of that language that uses the package; for Go also `./examples/…` of the package, for Rust `examples/….rs`. */
  readonly command?: (file: string) => readonly [string, ...string[]];
}

const STEP_TIMEOUT_MS = 300_000;

export class Missing extends Error {}

interface StepOptions {
  readonly cwd?: string;
  readonly path?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export function step(
  file: string,
  args: readonly string[],
  { cwd = ROOT, path = '', env = {}, timeoutMs = STEP_TIMEOUT_MS }: StepOptions = {},
): string {
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    cwd,
    encoding: 'utf8',
    timeout: timeoutMs,
    env: {
      ...process.env,
      PATH: [path, process.env['PATH'] ?? ''].filter((each) => each !== '').join(delimiter),
      ...env,
    },
  });
  if (error !== undefined) {
    const why = `${file} ${args.join(' ')}: ${error.message}`;
    // A build that hangs is none that is missing.
    throw errorCode(error) === 'ENOENT' ? new Missing(why) : new Error(why);
  }
  if (status !== 0) throw new Error(`${file} ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout;
}

/** What a tool says that lacks a part of itself, or can't reach its packages; anything else is a defect of ours. */
const UNREACHABLE =
  /ensurepip is not available|No module named (?:pip|venv)|No matching distribution|Could not find a version|ConnectionError|dial tcp|no such host|Unknown host|Could not transfer artifact|Connection refused|spurious network error|failed to download|Could not resolve host/;

export function provided(make: (folder: string) => Provided): () => Provided {
  let known: Provided | undefined;
  return () => {
    known ??= tried(make);
    return known;
  };
}

const BUILT = join(ROOT, 'node_modules/.cache/locum-sdk');

/** For as long as this process lives; a worker of the tests may end without a word, so the next one clears what it left. */
function ownFolder(): string {
  mkdirSync(BUILT, { recursive: true });
  for (const name of readdirSync(BUILT)) {
    if (!isAlive(Number(name.split('-')[0]))) rmSync(join(BUILT, name), { recursive: true, force: true });
  }
  return mkdtempSync(join(BUILT, `${process.pid}-`));
}

function tried(make: (folder: string) => Provided): Provided {
  try {
    return make(ownFolder());
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

/** Kept outside the checkout, so that a second run is quick. */
export const TOOLS = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'locum-tools');
const GO_PLUGINS = {
  'protoc-gen-go': 'google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.11',
  'protoc-gen-go-grpc': 'google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2',
};

/** Builds what is not there yet. Answers with their folder. @throws Missing without Go */
export function provideGoPlugins(): string {
  step('go', ['version']);
  const plugins = join(TOOLS, 'go-plugins-1.36.11-1.6.2');
  for (const [name, module] of Object.entries(GO_PLUGINS)) {
    if (!existsSync(join(plugins, name))) step('go', ['install', module], { env: { GOBIN: plugins } });
  }
  return plugins;
}

/** The module, and a program of another module that uses it. */
export const provideGo = provided((folder) => {
  const plugins = provideGoPlugins();
  const module = join(folder, 'module');
  step(process.execPath, ['scripts/sdk.ts', 'go', module], { path: plugins });
  const build = (what: string, cwd = module): string => {
    const program = join(folder, `program-${basename(what)}`);
    step('go', ['build', '-o', program, what], { cwd });
    return program;
  };
  step('go', ['vet', './...'], { cwd: module });
  const player = build('./conformance');
  return {
    start: () => new ProgramDriver(player, []),
    command: (file) => {
      if (file.startsWith('./')) return [build(file)];
      const user = dirname(file);
      step('go', ['mod', 'init', 'example'], { cwd: user });
      step('go', ['mod', 'edit', '-require', 'locum/sdk/go@v0.0.0', '-replace', `locum/sdk/go=${module}`], {
        cwd: user,
      });
      step('go', ['mod', 'tidy'], { cwd: user });
      return [build('.', user)];
    },
  };
});

/** The first block of code of a README. */
export function firstLines(readme: string): string {
  const block = /^```\w+\n(.*?)^```$/ms.exec(readme)?.[1];
  if (block === undefined) throw new Error('the README has no code');
  return block;
}

/** The crate for Rust, unpacked from the package that is made for its users, and programs that use it. */
import { copyFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ProgramDriver } from './driver.ts';
import { keptPackage } from './kept-package.ts';
import { provided, step, TOOLS } from './toolchains.ts';

/** All that the package is made of, beside the protos. */
const SOURCES = [
  ...['Cargo.toml', 'Cargo.lock', 'README.md', 'buf.gen.yaml'].map((name) => `sdk/rust/${name}`),
  ...['src', 'generator', 'examples', 'conformance'].map((name) => `sdk/rust/${name}`),
  'scripts/rust-package.ts',
];
/** What others made is compiled once for all: a cold machine of two cores takes some minutes. */
const BUILD_TIMEOUT_MS = 300_000;
const ENV = {
  CARGO_TARGET_DIR: join(TOOLS, 'rust-target'),
  // What would be built again is small, and symbols of others' code would fill the disk.
  CARGO_INCREMENTAL: '0',
  CARGO_PROFILE_DEV_DEBUG: '0',
  CARGO_TERM_COLOR: 'never',
};

function cargo(cwd: string, ...words: readonly string[]): string {
  return step('cargo', words, { cwd, env: ENV, timeoutMs: BUILD_TIMEOUT_MS });
}

function builtCrate(): string {
  const tool = step('cargo', ['--version']);
  const folder = keptPackage({ language: 'rust', sources: SOURCES, tool, env: ENV, timeoutMs: BUILD_TIMEOUT_MS });
  const crate = readdirSync(folder).find((name) => !name.endsWith('.crate'));
  if (crate === undefined) throw new Error(`${folder} has no crate`);
  return join(folder, crate);
}

/** Compiles a program of the crate or of another one, with the versions of libraries that the crate was locked with. */
function program(cwd: string, ...words: readonly string[]): string {
  const built = cargo(cwd, 'build', '--quiet', '--message-format=json', ...words);
  const made = /"executable":"([^"]+)"/.exec(built)?.[1];
  if (made === undefined) throw new Error(`cargo built no program in ${cwd}`);
  return made;
}

/** The project of a user, as the README says, around its `src/main.rs`. */
function userProgram(crate: string, folder: string): string {
  cargo(folder, 'init', '--quiet', '--vcs', 'none', '--name', 'example');
  // The same versions, so that they are not compiled again.
  copyFileSync(join(crate, 'Cargo.lock'), join(folder, 'Cargo.lock'));
  cargo(folder, 'add', '--quiet', '--path', crate);
  cargo(folder, 'add', '--quiet', 'tokio', '--features', 'full');
  return program(folder);
}

export const provideRust = provided((folder) => {
  const crate = builtCrate();
  const descriptors = join(folder, 'descriptors');
  step(process.execPath, ['scripts/protos.ts', 'descriptors', descriptors]);
  const player = program(crate, '--example', 'player');
  return {
    start: () => new ProgramDriver(player, [descriptors]),
    command: (file) => {
      if (!file.endsWith('.rs')) return [program(crate, '--example', file)];
      return [userProgram(crate, dirname(dirname(file)))];
    },
  };
});

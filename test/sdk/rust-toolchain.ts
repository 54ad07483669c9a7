/** The crate for Rust, unpacked from the package that is made for its users, and programs that use it. */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
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
  // Programs go to a folder of their own, so that nobody replaces one that is about to be started.
  CARGO_BUILD_BUILD_DIR: join(TOOLS, 'rust-build'),
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

/** The project of a user, as the README says, around its one file. */
function userProgram(crate: string, folder: string, name: string, libraries: readonly string[] = []): string {
  cargo(folder, 'init', '--quiet', '--vcs', 'none', '--name', name);
  // The same versions, so that they are not compiled again.
  copyFileSync(join(crate, 'Cargo.lock'), join(folder, 'Cargo.lock'));
  cargo(folder, 'add', '--quiet', '--path', crate);
  cargo(folder, 'add', '--quiet', 'tokio', '--features', 'full');
  for (const library of libraries) cargo(folder, 'add', '--quiet', ...library.split(' '));
  // Cargo would take a newer program of the same name, of another folder, for this one.
  const madeOf = createHash('sha256')
    .update(readFileSync(join(folder, 'src/main.rs')))
    .digest('hex');
  const target = join(folder, 'target');
  cargo(folder, 'rustc', '--quiet', '--target-dir', target, '--', '--cfg', `made_of="${madeOf}"`);
  return join(target, 'debug', name);
}

export const provideRust = provided((folder) => {
  const crate = builtCrate();
  const descriptors = join(folder, 'descriptors');
  step(process.execPath, ['scripts/protos.ts', 'descriptors', descriptors]);
  /** A program that is in the crate, as one of its user. */
  const made = (file: string, libraries: readonly string[] = []): string => {
    const name = basename(file, '.rs');
    const project = join(folder, name);
    mkdirSync(join(project, 'src'), { recursive: true });
    copyFileSync(join(crate, file), join(project, 'src/main.rs'));
    return userProgram(crate, project, `locum-${name}`, libraries);
  };
  const player = made('conformance/player.rs', ['prost-reflect --features serde', 'serde_json']);
  return {
    start: () => new ProgramDriver(player, [descriptors]),
    command: (file) => [
      file.startsWith('examples/') ? made(file) : userProgram(crate, dirname(dirname(file)), 'locum-readme'),
    ],
  };
});

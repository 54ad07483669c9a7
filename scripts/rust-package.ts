/** The package for Rust: the crate as Cargo packs it for a registry, and the same unpacked, since Cargo takes no other file of a crate. */
import { copyFileSync, cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assemble, needsEmpty, Refused, root, run, staging } from './sdk-build.ts';

const SOURCES = join(root, 'sdk/rust');

function cargo(...words: readonly string[]): void {
  run('cargo', ...words, '--quiet', '--locked');
}

/** `name-version`, as Cargo names what it packs. */
function nameOfCrate(): string {
  const manifest = readFileSync(join(SOURCES, 'Cargo.toml'), 'utf8');
  const [name, version] = ['name', 'version'].map((key) => new RegExp(`^${key} = "(.+)"$`, 'm').exec(manifest)?.[1]);
  if (name === undefined || version === undefined) throw new Refused('sdk/rust/Cargo.toml has no name or version');
  return `${name}-${version}`;
}

export function makeRust(folder: string): void {
  needsEmpty(folder);
  const crate = nameOfCrate();
  staging((staged) => {
    const target = process.env['CARGO_TARGET_DIR'] ?? join(staged, 'target');
    const project = join(staged, 'project');
    cargo(
      'build',
      '--manifest-path',
      join(SOURCES, 'Cargo.toml'),
      '--package',
      'protoc-gen-locum-rust',
      '--target-dir',
      target,
    );
    assemble('rust', project, [join(target, 'debug')]);
    copyFileSync(join(root, 'LICENSE'), join(project, 'LICENSE'));
    const packed = join(staged, 'packed');
    const manifest = join(project, 'Cargo.toml');
    // What it compiles to is for who uses it: that takes minutes, and the tests do.
    cargo('package', '--manifest-path', manifest, '--package', 'locum-client', '--no-verify', '--target-dir', packed);
    mkdirSync(folder, { recursive: true });
    cpSync(join(packed, 'package', `${crate}.crate`), join(folder, `${crate}.crate`));
    run('tar', '-xzf', join(folder, `${crate}.crate`), '-C', folder);
  });
}

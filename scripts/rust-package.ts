/** The package for Rust: the crate as Cargo packs it for a registry, and the same unpacked, since Cargo takes no other file of a crate. */
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assemble, needsEmpty, Refused, root, run, staging } from './sdk-build.ts';

const SOURCES = join(root, 'sdk/rust');

function cargo(verb: string, manifest: string, ...words: readonly string[]): void {
  run('cargo', verb, '--quiet', '--locked', '--manifest-path', manifest, ...words);
}

/**
 * Where Cargo shares what it builds with other checkouts (CARGO_BUILD_BUILD_DIR), it takes a program of the same name that is newer than our
 * sources for ours. So it is told of what ours is made.
 */
function buildPlugin(target: string): void {
  const sources = join(SOURCES, 'generator/src');
  const hash = createHash('sha256');
  for (const name of readdirSync(sources).sort()) hash.update(`${name}\0`).update(readFileSync(join(sources, name)));
  const plugin = ['--package', 'protoc-gen-locum-rust', '--target-dir', target];
  cargo('rustc', join(SOURCES, 'Cargo.toml'), ...plugin, '--', '--cfg', `made_of="${hash.digest('hex')}"`);
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
    const inStaged = (name: string): string => join(staged, name);
    const [target, project, packed] = [inStaged('target'), inStaged('project'), inStaged('packed')] as const;
    buildPlugin(target);
    assemble('rust', project, [join(target, 'debug')]);
    copyFileSync(join(root, 'LICENSE'), join(project, 'LICENSE'));
    // What it compiles to is for who uses it: that takes minutes, and the tests do.
    const options = ['--package', 'locum-client', '--no-verify', '--target-dir', packed];
    cargo('package', join(project, 'Cargo.toml'), ...options);
    mkdirSync(folder, { recursive: true });
    cpSync(join(packed, 'package', `${crate}.crate`), join(folder, `${crate}.crate`));
    run('tar', '-xzf', join(folder, `${crate}.crate`), '-C', folder);
  });
}

/** Who may import whom. The direction is: shared/gen, then shared, then a core, then its shell, then the SDK, then the programs. */
import { posix } from 'node:path';
import type { SourceFile } from './source-file.ts';

export interface Import {
  readonly specifier: string;
  /** Offset in the file, for the line number. */
  readonly at: number;
  /** Path from the project's root for a relative import, undefined for a package or a Node module. */
  readonly target: string | undefined;
}

const IMPORT = /(?<![.\w$])(?:from\s*|import\s*\(?\s*)(?<quoted>(['"])[^'"]*\2)/g;

/** Static, dynamic, type-only and re-exporting imports alike: each of them ties two files together. */
export function importsOf(file: SourceFile): Import[] {
  return [...file.code.matchAll(IMPORT)].map((match) => {
    const quoted = match.groups?.['quoted'] ?? '';
    const at = match.index + match[0].length - quoted.length;
    const specifier = file.text.slice(at + 1, at + quoted.length - 1);
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(file.path), specifier) : undefined;
    return { specifier, at, target };
  });
}

const LAYERS = ['shared/gen', 'shared', 'core', 'shell', 'sdk', 'program', 'outside'] as const;
export type Layer = (typeof LAYERS)[number];

export function layerOf(path: string): Layer {
  if (path.startsWith('shared/gen/')) return 'shared/gen';
  if (path.startsWith('shared/')) return 'shared';
  if (/^(?:controller|agent|keeper)\/core\//.test(path)) return 'core';
  if (/^(?:controller|agent|keeper)\/(?:.+\/)?main\.ts$/.test(path) || /^(?:cli|bin)\//.test(path)) return 'program';
  if (/^(?:controller|agent|keeper)\//.test(path)) return 'shell';
  if (/^sdk\/typescript\/[^/]+$/.test(path)) return 'sdk';
  // Tests, demo, examples, benchmarks, scripts: they may use everything, and nothing that we ship may use them.
  return 'outside';
}

/** The rooms of the controller's core: each knows those before it. Beside them, on top, are the files that know them all. */
const ROOMS = ['records', 'indexes', 'cluster', 'placement', 'runs', 'servers', 'calls'];

function roomOf(path: string): { readonly name: string; readonly floor: number } | undefined {
  const name = /^controller\/core\/(?:([^/]+)\/)?[^/]+$/.exec(path);
  if (name === null) return undefined;
  const room = name[1] ?? 'the top of the core';
  const floor = ROOMS.indexOf(room);
  return { name: room, floor: floor < 0 ? ROOMS.length : floor };
}

/** Why an import may not point upwards inside the controller's core, or undefined. */
export function roomProblem(from: string, target: string): string | undefined {
  const [own, other] = [roomOf(from), roomOf(target)];
  if (own === undefined || other === undefined || own.floor >= other.floor) return undefined;
  return `${own.name} imports ${target}: the rooms are ${ROOMS.join(' → ')}`;
}

const programOf = (path: string): string | undefined => /^(?:controller|agent|keeper)(?=\/)/.exec(path)?.[0];

const IMPORTED_BY_SDK: ReadonlySet<Layer> = new Set(['shared/gen', 'shared', 'sdk']);

/** Why this import is not allowed, or undefined when it is. */
export function importProblem(from: string, target: string): string | undefined {
  const [own, other] = [programOf(from), programOf(target)];
  if (own !== undefined && other !== undefined && own !== other) {
    return `${own} imports ${target}: programs meet only in protos and shared`;
  }
  const [importer, imported] = [layerOf(from), layerOf(target)];
  if (importer === 'sdk' && !IMPORTED_BY_SDK.has(imported)) {
    return `the SDK imports ${target} (${imported}): it has to live without our programs`;
  }
  if (LAYERS.indexOf(importer) < LAYERS.indexOf(imported)) {
    return `${importer} imports ${target} (${imported}): the direction is ${LAYERS.slice(0, -1).join(' → ')}`;
  }
  return undefined;
}

/**
 * Every file that code of a core can reach. A core may use shared files, and these must then be as pure as the core: so
 * the list of pure shared files is not kept by hand, it is what the cores import.
 */
export function reachedByCores(files: readonly SourceFile[]): Set<SourceFile> {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set(files.filter((file) => layerOf(file.path) === 'core'));
  // A Set hands out what is added during the loop; each file is added once, so the loop ends.
  for (const file of reached) {
    for (const { target } of importsOf(file)) {
      const next = target === undefined ? undefined : byPath.get(target);
      if (next !== undefined) reached.add(next);
    }
  }
  return reached;
}

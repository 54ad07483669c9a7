/** Files that import each other, round some corners: neither can be read, tested or moved without the other. Types count, too. */
import { importsOf, layerOf } from './imports.ts';
import type { SourceFile } from './source-file.ts';

export interface Circle {
  readonly file: SourceFile;
  /** Of the import that closes it. */
  readonly at: number;
  readonly problem: string;
}

/** One complaint for each import that leads back to a file on the way to it. Tests may do as they like. */
export function circlesOf(files: readonly SourceFile[]): Circle[] {
  const byPath = new Map(files.filter(({ path }) => layerOf(path) !== 'outside').map((file) => [file.path, file]));
  const circles: Circle[] = [];
  const done = new Set<SourceFile>();
  const way: SourceFile[] = [];
  const visit = (file: SourceFile): void => {
    if (done.has(file)) return;
    way.push(file);
    for (const { target, at } of importsOf(file)) {
      const next = target === undefined ? undefined : byPath.get(target);
      if (next === undefined) continue;
      const start = way.indexOf(next);
      if (start < 0) visit(next);
      else {
        const round = [...way.slice(start), next].map(({ path }) => path).join(' → ');
        circles.push({ file, at, problem: `a circle of imports: ${round}` });
      }
    }
    way.pop();
    done.add(file);
  };
  for (const file of byPath.values()) visit(file);
  return circles;
}

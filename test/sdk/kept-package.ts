/** Packages that take long to build: kept by what they are made of, for all runs of the tests. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../e2e/locum-command.ts';
import { step, TOOLS } from './toolchains.ts';

const KEPT_DAYS = 7;

/** What all packages are made of. */
const COMMON = ['proto/locum/v1', 'scripts/sdk-build.ts'];

export interface Kept {
  readonly language: string;
  /** Files and folders of the checkout, beside the protos. */
  readonly sources: readonly string[];
  /** What the tool that builds it says of itself. */
  readonly tool: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** So that a package is never taken for another one. */
function digest({ sources, tool }: Kept): string {
  const hash = createHash('sha256').update(tool);
  for (const path of [...COMMON, ...sources]) {
    const isFolder = statSync(join(ROOT, path)).isDirectory();
    const files = isFolder ? readdirSync(join(ROOT, path), { recursive: true, encoding: 'utf8' }).sort() : [''];
    for (const file of files) {
      const full = join(ROOT, path, file);
      if (statSync(full).isFile()) hash.update(`${path}/${file}\0`).update(readFileSync(full));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

/** The folder with the package in it. It is put in place whole: another worker may build the same. */
export function keptPackage(kept: Kept): string {
  const { language, env = {}, timeoutMs } = kept;
  const prefix = `sdk-${language}-`;
  const known = join(TOOLS, `${prefix}${digest(kept)}`);
  if (existsSync(known)) return known;
  mkdirSync(TOOLS, { recursive: true });
  for (const name of readdirSync(TOOLS)) {
    const isOld = Date.now() - statSync(join(TOOLS, name)).mtimeMs > KEPT_DAYS * 86_400_000;
    if (name.startsWith(prefix) && isOld) rmSync(join(TOOLS, name), { recursive: true, force: true });
  }
  const fresh = mkdtempSync(join(TOOLS, `${prefix}unfinished-`));
  const options = timeoutMs === undefined ? { env } : { env, timeoutMs };
  step(process.execPath, ['scripts/sdk.ts', language, fresh], options);
  if (existsSync(known)) rmSync(fresh, { recursive: true });
  else renameSync(fresh, known);
  return known;
}

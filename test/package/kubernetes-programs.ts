/** Programs of Kubernetes for tests and trials, built once with Go from its own module: it is in no package of Debian that is new enough. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TOOLS } from '../sdk/toolchains.ts';

/** The last ones of 1.33: the kubelet of 1.35 refuses cgroup v1. */
export const KUBERNETES_VERSION = '1.33.13';
const FOLDER = join(TOOLS, `kubernetes-${KUBERNETES_VERSION}`);

/** Where a program is that was built. */
export function kubernetesProgram(name: string): string | undefined {
  const path = join(FOLDER, name);
  return existsSync(path) ? path : undefined;
}

function go(cwd: string, ...words: readonly string[]): string {
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod -buildvcs=false' };
  const done = spawnSync('go', words, { cwd, env, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`go ${words.join(' ')}:\n${done.error?.message ?? done.stderr}`);
  return done.stdout;
}

/**
 * The sources in a folder of their own. The module names its libraries by folders that are not in it; they are published, too, with the
 * same number.
 */
function placeSources(folder: string): void {
  writeFileSync(join(folder, 'go.mod'), 'module fetch\n');
  const { Dir: kept } = JSON.parse(go(folder, 'mod', 'download', '-json', `k8s.io/kubernetes@v${KUBERNETES_VERSION}`));
  cpSync(kept, folder, { recursive: true });
  spawnSync('chmod', ['-R', 'u+w', folder]);
  for (const name of ['vendor', 'go.work', 'go.work.sum']) rmSync(join(folder, name), { recursive: true, force: true });
  const libraries = KUBERNETES_VERSION.replace('1', '0');
  const module = readFileSync(join(folder, 'go.mod'), 'utf8');
  writeFileSync(join(folder, 'go.mod'), module.replaceAll(/=> \.\/staging\/src\/(\S+)/g, `=> $1 v${libraries}`));
}

/** Builds those that are not there yet: about 10 minutes of two processors for the first, less for the next. Throws when Go can't. */
export function buildKubernetes(names: readonly string[]): void {
  const missing = names.filter((name) => kubernetesProgram(name) === undefined);
  if (missing.length === 0) return;
  mkdirSync(FOLDER, { recursive: true });
  const scratch = mkdtempSync(join(FOLDER, 'build-'));
  try {
    placeSources(scratch);
    const version = `-s -w -X k8s.io/component-base/version.gitVersion=v${KUBERNETES_VERSION}`;
    for (const name of missing) {
      go(scratch, 'build', '-p', '2', '-trimpath', '-ldflags', version, '-o', `built-${name}`, `./cmd/${name}`);
      renameSync(join(scratch, `built-${name}`), join(FOLDER, name));
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

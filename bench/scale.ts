/**
 * What an operator of a large cluster waits for: `npm run bench -- scale [policies] [servers] [rounds]`. Every list, the status and every
 * plan of a controller with its default store, median of the rounds; then 500 policies are deleted. Prints figures; that no answer is
 * larger than one may be is what it ends with 1 for.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { LIMITS } from '../shared/limits.ts';
import { LargeCluster } from '../test/controller/large-cluster.ts';
import { endController, startController } from './controller-process.ts';

const [policies = 5_000, servers = 200, rounds = 5] = process.argv.slice(2).map(Number);
const DELETED = Math.min(500, policies);
/** That of the default pool. */
const HEARTBEAT_MS = 5_000;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

function report(what: string, ms: number, bytes?: number): void {
  const size = bytes === undefined ? '' : `  largest answer ${(bytes / 1024).toFixed(0).padStart(5)} KiB`;
  process.stdout.write(`${what.padEnd(48)} ${ms.toFixed(0).padStart(7)} ms${size}\n`);
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

async function askAll(cluster: LargeCluster): Promise<void> {
  for (const { what, ask } of cluster.questions()) {
    cluster.takeLargestBytes();
    const tookMs: number[] = [];
    for (let i = 0; i < rounds; i += 1) tookMs.push(await timed(ask));
    const bytes = cluster.takeLargestBytes();
    report(what, median(tookMs), bytes);
    if (bytes > LIMITS.answerBytes) {
      process.stdout.write(`${what}: an answer is larger than ${LIMITS.answerBytes} bytes\n`);
      process.exitCode = 1;
    }
  }
}

/** Of a process, from /proc. */
function memoryMiB(pid: number | undefined): string {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kib) / 1024).toFixed(0).padStart(7);
}

async function locum(words: readonly string[]): Promise<void> {
  const program = join(import.meta.dirname, '../bin/locum.js');
  const [code] = await once(
    spawn(process.execPath, [program, ...words], { stdio: ['ignore', 'ignore', 'inherit'] }),
    'exit',
  );
  if (code !== 0) throw new Error(`locum ended with ${code}`);
}

const load = loadavg()[0]?.toFixed(1);
process.stdout.write(`Node ${process.version}, ${cpus().length} cores, Linux ${release()}, load ${load}\n`);
process.stdout.write(`${policies} policies, ${servers} servers, median of ${rounds}\n`);
const folder = mkdtempSync(join(tmpdir(), 'locum-bench-'));
const controller = await startController(['--data-dir', folder]);
const cluster = new LargeCluster({ ...controller, policies, servers, heartbeatMs: HEARTBEAT_MS });
try {
  report('servers join, policies are made, all run', await timed(() => cluster.fill()));
  process.stdout.write(`${'memory of the controller'.padEnd(48)} ${memoryMiB(controller.child.pid)} MiB resident\n`);
  await askAll(cluster);
  const names = Array.from({ length: DELETED }, (_, i) => `worker-${i + 1}`);
  const words = ['policy', 'delete', ...names, '--yes', '--address', controller.apiAddress];
  report(`locum policy delete, of ${DELETED}`, await timed(() => locum(words)));
} finally {
  cluster.close();
  await endController(controller);
  rmSync(folder, { recursive: true });
}
process.exit();

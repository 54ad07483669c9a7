/** The SDK for Python, from its wheel. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { useCluster } from '../e2e/cluster-fixture.ts';
import { ROOT } from '../e2e/locum-command.ts';
import { playConformance } from './play-conformance.ts';
import { runOnce } from './run-once.ts';
import { firstLines, providePython, providePythonAsyncio } from './toolchains.ts';

playConformance('Python', providePython);
playConformance('Python, with asyncio', providePythonAsyncio);

describe('the package for Python', () => {
  const fixture = useCluster(['web-1']);
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'locum-sdk-python-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeEach((ctx) => {
    const { missing } = providePython();
    if (missing !== undefined) ctx.skip(missing);
  });

  function python(file: string, ...args: readonly string[]) {
    const [program, ...words] = providePython().command?.(file) ?? [''];
    const { status, stdout, stderr } = spawnSync(program, [...words, ...args], { encoding: 'utf8', timeout: 60_000 });
    return { status, stdout, stderr };
  }

  it('starts a policy and follows it with the first lines of its README', async () => {
    await fixture().policies.createPolicy(runOnce('nightly-backup', ['true']));
    const file = join(folder, 'readme.py');
    const lines = firstLines(readFileSync(join(ROOT, 'sdk/python/README.md'), 'utf8'));
    writeFileSync(file, lines.replace('127.0.0.1:7400', fixture().cluster.address));
    const done = python(file);
    expect(done).toMatchObject({ status: 0, stderr: '' });
    expect(done.stdout).toMatch(/^RUN_SUCCEEDED /m);
  });

  it("works off a queue inside a policy, and an attempt of before can't finish anything", async () => {
    const worker = join(ROOT, 'sdk/python/examples/queue_worker.py');
    const queue = join(folder, 'queue.sqlite');
    const where = ['--queue', queue, '--controllers', fixture().cluster.address];
    expect(python(worker, ...where, '--add', 'one', '--add', 'two')).toMatchObject({ status: 0, stderr: '' });
    const argv = [...(providePython().command?.(worker) ?? []), ...where, '--until-empty'];
    await fixture().policies.createPolicy(runOnce('queue-worker', argv));
    const { run, events } = await startAndFollow('queue-worker');
    expect(events.at(-1)).toBe('RUN_SUCCEEDED');
    const late = join(folder, 'late.py');
    const token = `${run.attempts[0]?.epoch ?? 0n}`;
    writeFileSync(late, LATE.replace('EXAMPLES', join(ROOT, 'sdk/python/examples')));
    expect(python(late, queue, token)).toMatchObject({ status: 0, stdout: `[${token}, ${token}]\ntaken over\n[]\n` });
  });

  async function startAndFollow(policy: string) {
    const { position: after } = await fixture().events.listEvents({ pageSize: 1 });
    const { run } = await fixture().policies.startPolicy({ name: `policies/${policy}` });
    const events: string[] = [];
    for await (const { event } of fixture().events.watchEvents({ about: run?.name ?? '', after })) {
      if (event !== undefined) events.push(event.type);
      if (event?.type === 'RUN_SUCCEEDED' || event?.type === 'RUN_FAILED') break;
    }
    const { run: ended } = await fixture().runs.getRun({ name: run?.name ?? '' });
    if (ended === undefined) throw new Error('the run is gone');
    return { run: ended, events };
  }
});

/** Who did the items; then an attempt of before tries to finish another one, and none is done by it. */
const LATE = `
import sqlite3, sys
sys.path.insert(0, "EXAMPLES")
import queue_worker
queue, token = queue_worker.open_queue(sys.argv[1]), int(sys.argv[2])
print([row[0] for row in queue.execute("SELECT done_by FROM items")])
queue.execute("INSERT INTO items VALUES (99, 'late', NULL)")
try:
    queue_worker.finish(queue, 99, token - 1)
except queue_worker.TakenOver:
    print("taken over")
print(queue.execute("SELECT id FROM items WHERE id = 99 AND done_by IS NOT NULL").fetchall())
`;

/**
 * A webhook of two controllers on etcd, as real processes, whose leader is killed again and again in the midst of changes, and whose receiver
 * is slow, fails, and dies meanwhile: it gets every event, in order, and few of them twice.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { present } from '../../shared/assert.ts';
import { WebhookReceiver, writeSecrets } from '../controller/hooks/webhook-receiver.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { ReplicatedCluster } from './replicated-cluster.ts';
import { Writer } from './writer.ts';

const KILLS = 3;
/** What a leader that is killed leaves to be told again, at most: docs/notifications.md. */
const REPEATED_PER_KILL = 20;

const folder = mkdtempSync(join(tmpdir(), 'locum-hooks-'));
const secret = join(folder, 'secret');
const receiver = new WebhookReceiver(writeSecrets(secret));
let port = 0;
let made: ReplicatedCluster | undefined;
const cluster = (): ReplicatedCluster => present(made, 'a cluster');

beforeAll(async () => {
  if (etcdMissing() !== undefined) return;
  port = await receiver.listen();
  const webhook = `{ url: 'http://127.0.0.1:${port}/', secret_file: ${secret}, plaintext: true, allow_loopback: true }`;
  const hooks = `hooks: [{ name: pager, webhook: ${webhook}, only: { types: [POLICY_CREATED] } }]\n`;
  made = await ReplicatedCluster.start(['c1', 'c2'], { config: hooks });
}, 120_000);
afterAll(async () => {
  await made?.stop();
  await receiver.close();
  rmSync(folder, { recursive: true });
}, 60_000);
beforeEach((ctx) => {
  const missing = etcdMissing();
  if (missing !== undefined) ctx.skip(missing);
});

/** Every fifth request fails, and each takes a moment. */
function beDifficult(): void {
  let requests = 0;
  receiver.answer = (_received, response) => {
    requests += 1;
    const status = requests % 5 === 0 ? 503 : 204;
    setTimeout(() => response.writeHead(status).end(), 20);
  };
}

async function killLeader(): Promise<void> {
  const { id } = await cluster().leader();
  cluster().controller(id).signal('SIGKILL');
  await cluster().controller(id).exited;
  cluster().startController(id);
  await cluster().allControllers();
}

describe('a webhook of two controllers on etcd', () => {
  test(`is told of every change, in order, though ${KILLS} leaders were killed, and it failed, was slow and died`, async () => {
    beDifficult();
    const writer = new Writer(cluster());
    writer.begin();
    for (let kill = 0; kill < KILLS; kill += 1) {
      await sleep(1_000);
      if (kill === 1) await receiver.close();
      await killLeader();
      if (kill === 1) await receiver.listen(port);
    }
    await sleep(500);
    await writer.end();
    const told = (): readonly string[] => receiver.taken.map(({ event }) => event.subject ?? '');
    expect(writer.acknowledged).toBeGreaterThan(KILLS);
    const missing = (): readonly string[] => writer.names.filter((name) => !told().includes(name));
    await cluster().until('it was told of all that was acknowledged', async () =>
      missing().length === 0 ? true : undefined,
    );
    expect(receiver.requests.every(({ isSigned }) => isSigned)).toBe(true);
    // As a receiver reads them, which knows by the id what it had already.
    const numbers = receiver.numbers.filter((number, n, all) => all.indexOf(number) === n);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(receiver.taken.length - numbers.length).toBeLessThanOrEqual(KILLS * REPEATED_PER_KILL);
  }, 240_000);
});

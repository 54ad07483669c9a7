/** A controller that is started before its etcd: after a power failure everything starts at once. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { freePorts } from '../../cli/dev/ports.ts';
import { EtcdCluster, etcdMissing } from '../store/etcd-cluster.ts';

const LOCUM = join(import.meta.dirname, '../../bin/locum.js');

test('a controller waits for an etcd that is not there yet, says so, and goes on', {
  timeout: 120_000,
}, async (ctx) => {
  const missing = etcdMissing();
  if (missing !== undefined) ctx.skip(missing);
  const etcd = await EtcdCluster.start();
  onTestFinished(() => etcd.stop());
  await Promise.all(etcd.members.map((member) => member.kill()));

  const [api, agent] = await freePorts(2);
  const listen = ['--api-listen', `127.0.0.1:${api}`, '--agent-listen', `127.0.0.1:${agent}`];
  const folder = mkdtempSync(join(tmpdir(), 'locum-late-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const store = ['--id', 'c1', '--store', `etcd://${etcd.endpoints.join(',')}/late`, '--data-dir', folder];
  const child = spawn(process.execPath, [LOCUM, 'controller', ...listen, ...store], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const readyz = async () => {
    const answer = await fetch(`http://127.0.0.1:${api}/readyz`).catch(() => undefined);
    return answer === undefined ? 'no answer' : `${answer.status} ${await answer.text()}`;
  };
  const patience = { timeout: 30_000, interval: 200 };
  await expect.poll(readyz, patience).toMatch(/^503 no store: .*majority/);
  expect(said).toContain('waiting for the store');
  expect(child.exitCode).toBeNull();

  for (const member of etcd.members) member.start();
  await expect.poll(readyz, patience).toBe('200 leader\n');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

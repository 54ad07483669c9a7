/** A snapshot of a cluster whose authority is in its store, wrapped, is restored into another etcd; and one of a single controller with TLS. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../controller/store/open.ts';
import { present } from '../../shared/assert.ts';
import { newWrappingKey } from '../../shared/pki/wrapping-key.ts';
import { runLocum } from '../e2e/locum-command.ts';
import { EtcdCluster, etcdMissing } from '../store/etcd-cluster.ts';
import { TlsCluster } from './tls-cluster.ts';

const TIMEOUT_MS = 180_000;

let made: TlsCluster | undefined;
let other: EtcdCluster | undefined;
const cluster = (): TlsCluster => present(made, 'a cluster');
const newStore = (): string => `etcd://${present(other, 'an etcd').endpoints.join(',')}/locum`;

/** The run, its attempt, and where it is. */
async function running(): Promise<string> {
  const { runs = [] } = JSON.parse(await cluster().locum('run', 'list', '-o', 'json')) as {
    readonly runs?: readonly { readonly name: string; readonly attempts: readonly { epoch: string; pid: number }[] }[];
  };
  const attempt = runs[0]?.attempts.at(-1);
  if (attempt === undefined || attempt.pid === 0) throw new Error('it does not run yet');
  return `${runs[0]?.name} ${attempt.epoch} ${attempt.pid}`;
}

async function alive(): Promise<true> {
  return cluster().until('web-1 is there', async () =>
    /web-1 .*ALIVE/.test(await cluster().locum('server', 'list')) ? true : undefined,
  );
}

/** What the new store has. */
async function kept(): Promise<readonly string[]> {
  const store = await openStore(newStore());
  try {
    const { records } = await store.load();
    return records.map(({ key, value }) => `${key} ${Buffer.from(value).toString('base64')}`);
  } finally {
    await store.close();
  }
}

/** Why a controller does not start on it. */
async function refusal(name: string, ...flags: readonly string[]): Promise<string> {
  const own = ['--store', newStore(), '--data-dir', cluster().at(name), '--id', name, ...flags];
  const listeners = ['--api-listen', '127.0.0.1:0', '--agent-listen', '127.0.0.1:0'];
  const { code, stderr } = await runLocum('127.0.0.1:1', ['controller', ...own, ...listeners]);
  expect(code).toBe(1);
  return stderr;
}

beforeAll(async () => {
  if (etcdMissing() !== undefined) return;
  made = await TlsCluster.start(['c1'], (folder) => {
    writeFileSync(`${folder}/wrapping.key`, newWrappingKey(), { mode: 0o600 });
    return `tls: { wrapping_key_file: ${folder}/wrapping.key }\n`;
  });
  await made.join('web-1');
  made.startAgent('web-1');
  await alive();
  const policy = 'name: policies/steady\nworkload: { command: { argv: [sleep, "100000"] } }\n';
  writeFileSync(made.at('policy.yaml'), policy);
  await made.locum('policy', 'apply', '-f', made.at('policy.yaml'));
  other = await EtcdCluster.start({ members: 1 });
}, TIMEOUT_MS);
afterAll(async () => {
  await made?.close();
  await other?.stop();
}, TIMEOUT_MS);
beforeEach((ctx) => {
  const missing = etcdMissing();
  if (missing !== undefined) ctx.skip(missing);
});

describe('a snapshot of a cluster with a wrapped key, in another etcd', () => {
  let before = '';

  it('is no use to a controller without that wrapping key, which says so and leaves the store as it was', {
    timeout: TIMEOUT_MS,
  }, async () => {
    before = await cluster().until('the policy runs', running);
    await cluster().locum('snapshot', 'save', cluster().at('all.snap'));
    await cluster().stop('c1');
    await cluster().locumAlone('snapshot', 'restore', cluster().at('all.snap'), '--store', newStore());
    const restored = await kept();
    writeFileSync(cluster().at('other.key'), newWrappingKey(), { mode: 0o600 });
    writeFileSync(cluster().at('other.yaml'), `tls: { wrapping_key_file: ${cluster().at('other.key')} }\n`);
    expect(await refusal('keyless', '--tls')).toMatch(
      /^error: nothing is signed here: the key of root sha256:\S+ is in the store, wrapped with wrapping key \S+, and this controller has no wrapping key, .*\(AUTHORITY_KEY_MISSING\)$/m,
    );
    expect(await refusal('stranger', '--config', cluster().at('other.yaml'))).toMatch(
      /which is none of those in \S+other\.key, .*\(AUTHORITY_KEY_MISSING\)$/m,
    );
    expect(await kept()).toEqual(restored);
  });

  it('goes on with it, on a new host: its agents are known, what runs is kept, and hosts can join', {
    timeout: TIMEOUT_MS,
  }, async () => {
    rmSync(cluster().at('c1'), { recursive: true });
    cluster().startController('c1', '--store', newStore());
    await cluster().ready('c1');
    await alive();
    expect(await cluster().until('the policy runs', running)).toBe(before);
    await cluster().join('web-2');
    expect(readFileSync(cluster().at('web-2', 'tls', 'ca.crt'), 'utf8')).toBe(
      readFileSync(cluster().at('web-1', 'tls', 'ca.crt'), 'utf8'),
    );
  });
});

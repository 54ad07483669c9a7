/**
 * The audit of two controllers on etcd, as real processes, whose leader is killed again and again in the midst of changes: nothing that was
 * acknowledged lacks its entry, nothing has two, nothing that did not happen has one, and the chain is whole.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromJsonString } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuditEntry, AuditHead, AuditLogName } from '../../shared/access/audit-chain.ts';
import { AuditVerifier } from '../../shared/access/audit-verifier.ts';
import { present } from '../../shared/assert.ts';
import { auditEntryFromProto, auditHeadFromProto } from '../../shared/codec/audit.ts';
import { AuditEntrySchema } from '../../shared/gen/locum/v1/audit_pb.ts';
import { AuditService } from '../../shared/gen/locum/v1/audit_service_pb.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { ReplicatedCluster } from './replicated-cluster.ts';
import { Writer } from './writer.ts';

const KILLS = 3;
/** Writers at once: enough that some of their calls are under way whenever the leader is killed. */
const WRITERS = 4;

let made: ReplicatedCluster | undefined;
const cluster = (): ReplicatedCluster => present(made, 'a cluster');

beforeAll(async () => {
  if (etcdMissing() === undefined) made = await ReplicatedCluster.start(['c1', 'c2'], { auditFiles: true });
}, 120_000);
afterAll(async () => made?.stop(), 60_000);
beforeEach((ctx) => {
  const missing = etcdMissing();
  if (missing !== undefined) ctx.skip(missing);
});

const auditClient = (ids = cluster().controllers) => createClient(AuditService, cluster().apiVia(ids).transport);

/** All that the controllers have, verified from what they dropped to the newest. */
async function wholeAudit(): Promise<readonly AuditEntry[]> {
  const entries: AuditEntry[] = [];
  const heads: (readonly AuditHead[])[] = [];
  for await (const message of auditClient().watchAudit({})) {
    if (message.entry !== undefined) entries.push(auditEntryFromProto(message.entry));
    else heads.push(message.heads.map(auditHeadFromProto));
  }
  const verifier = new AuditVerifier(heads[0]);
  const faults = entries.flatMap((entry) => verifier.add(entry) ?? []);
  expect([...faults, ...[verifier.end(heads.at(-1) ?? [])].filter((fault) => fault !== undefined)]).toEqual([]);
  return entries;
}

const ofLog = (entries: readonly AuditEntry[], log: AuditLogName): readonly AuditEntry[] =>
  entries.filter((entry) => entry.log === log);

async function policyNames(): Promise<Set<string>> {
  const names = new Set<string>();
  let pageToken = '';
  do {
    const page = await cluster().api.policies.listPolicies({ pageSize: 500, pageToken });
    for (const { name } of page.policies) names.add(name);
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return names;
}

describe('the audit of two controllers on etcd', () => {
  test(`lacks nothing and has nothing twice after ${KILLS} leaders were killed in the midst of changes`, async () => {
    const writers = Array.from({ length: WRITERS }, (_, n) => new Writer(cluster(), `w${n}`));
    for (const writer of writers) writer.begin();
    for (let kill = 0; kill < KILLS; kill += 1) {
      await sleep(1_000);
      const { id } = await cluster().leader();
      cluster().controller(id).signal('SIGKILL');
      await cluster().controller(id).exited;
      cluster().startController(id);
      await cluster().allControllers();
    }
    await sleep(500);
    for (const writer of writers) await writer.end();
    const created = ofLog(await wholeAudit(), 'CHANGES').filter(({ method }) => method.endsWith('/CreatePolicy'));
    const audited = created.map(({ resource }) => resource);
    const acknowledged = writers.flatMap((writer) => writer.names);
    expect(acknowledged.length).toBeGreaterThan(WRITERS * KILLS);
    expect(new Set(created.map(({ term }) => term)).size).toBeGreaterThan(KILLS - 1);
    expect(acknowledged.filter((name) => !audited.includes(name))).toEqual([]);
    expect(audited.filter((name, n) => audited.indexOf(name) !== n)).toEqual([]);
    // What was not acknowledged may have happened or not: it has an entry exactly if it did.
    expect(new Set(audited)).toEqual(await policyNames());
  }, 180_000);

  test('stands in the file of each of them, whole, whoever led', async () => {
    const all = ofLog(await wholeAudit(), 'CHANGES').map(({ hash }) => hash);
    for (const id of cluster().controllers) {
      const lines = await cluster().until(`the file of ${id} has it all`, async () => {
        const found = readFileSync(cluster().auditFileOf(id), 'utf8').trimEnd().split('\n');
        return found.length >= all.length ? found : undefined;
      });
      const verifier = new AuditVerifier();
      const entries = lines.map((line) => auditEntryFromProto(fromJsonString(AuditEntrySchema, line)));
      expect({ id, faults: entries.flatMap((entry) => verifier.add(entry) ?? []) }).toEqual({ id, faults: [] });
      expect(ofLog(entries, 'CHANGES').map(({ hash }) => hash)).toEqual(all);
    }
  }, 60_000);

  test('has who gave the lead away, though the one that was asked does not lead any more', async () => {
    const { id } = await cluster().leader();
    const next = present(
      cluster().controllers.find((other) => other !== id),
      'a follower',
    );
    await cluster().api.cluster.transferLeadership({ controller: `controllers/${next}` });
    const entry = await cluster().until('it is in the audit', async () =>
      ofLog(await wholeAudit(), 'CHANGES').find(({ method }) => method.endsWith('/TransferLeadership')),
    );
    expect(entry).toMatchObject({ kind: 'CHANGE', resource: `controllers/${next}`, outcome: 'OK', count: 1 });
  }, 60_000);

  test('has what a follower refused, once, and where a call came from that it passed on', async () => {
    const { id: leader } = await cluster().leader();
    const follower = present(
      cluster().controllers.find((id) => id !== leader),
      'a follower',
    );
    for (let n = 0; n < 7; n += 1) {
      const refused = await fetch(`http://${cluster().addressOf(follower)}/locum.v1.PolicyService/StopPolicy`, {
        method: 'POST',
        headers: { origin: 'https://evil.example', 'content-type': 'application/json' },
        body: '{}',
      });
      expect(refused.status).toBe(403);
    }
    await cluster()
      .apiOf(follower)
      .policies.createPolicy({ policy: cluster().witness.brief('by-follower') });
    const denied = await cluster().until('the refusals are in the audit', async () => {
      const found = ofLog(await wholeAudit(), 'ACCESS').filter(({ method }) => method.endsWith('/StopPolicy'));
      const count = found.reduce((sum, entry) => sum + entry.count, 0);
      return count >= 7 ? found : undefined;
    });
    expect(denied.reduce((sum, entry) => sum + entry.count, 0)).toBe(7);
    expect(denied[0]).toMatchObject({ kind: 'DENIAL', outcome: 'ORIGIN_NOT_ALLOWED', source: '127.0.0.1' });
    const passedOn = (await wholeAudit()).find(({ resource }) => resource === 'policies/by-follower');
    expect(passedOn?.source).toBe(`127.0.0.1 via ${follower}`);
  }, 60_000);
});

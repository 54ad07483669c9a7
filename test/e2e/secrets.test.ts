import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toJsonString } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuditService } from '../../shared/gen/locum/v1/audit_service_pb.ts';
import { ClusterService } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { ListEventsResponseSchema } from '../../shared/gen/locum/v1/event_service_pb.ts';
import { PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { ListRunsResponseSchema } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { eventually, SETUP_TIMEOUT_MS, useCluster } from './cluster-fixture.ts';

const TEST_TIMEOUT_MS = 90_000;
/** Found nowhere else, in no encoding of anything. */
const FILE_SECRET = 'kestrel-orchard-71f3';
const ENV_SECRET = 'lantern-quarry-98c2';
const OWN = 'APP_TEST_API_TOKEN';

describe('a policy whose secrets are a file and a variable of the agent', () => {
  const fixture = useCluster([]);
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'locum-secrets-'));
    mkdirSync(join(folder, 'secrets'));
    writeFileSync(join(folder, 'secrets', 'db'), `${FILE_SECRET}\n`);
    const config = join(folder, 'agent.yaml');
    writeFileSync(config, JSON.stringify({ secrets: { directories: [join(folder, 'secrets')], agent_env: [OWN] } }));
    process.env[OWN] = ENV_SECRET;
    await fixture().cluster.startAgent('a', ['--config', config]);
  }, SETUP_TIMEOUT_MS);
  afterAll(() => {
    delete process.env[OWN];
    rmSync(folder, { recursive: true, force: true });
  });

  const policy = (id: string, file: string) =>
    create(PolicySchema, {
      name: `policies/${id}`,
      trigger: { kind: { case: 'onDemand', value: {} } },
      restart: { maxFailures: 1 },
      workload: {
        envFrom: {
          DB_PASSWORD: { source: { case: 'file', value: file } },
          TOKEN: { source: { case: 'agentEnv', value: OWN } },
        },
        kind: {
          case: 'script',
          value: {
            text: `printf '%s %s' "$DB_PASSWORD" "$TOKEN" | sha256sum > ${folder}/seen.new && mv ${folder}/seen.new ${folder}/seen; exec sleep 600`,
          },
        },
      },
    });

  it('gives them to the program, and leaves no trace of them anywhere else', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { cluster, apply, policies, running, events, runs } = fixture();
    await apply(policy('app', 'db'));
    await policies.startPolicy({ name: 'policies/app' });
    await running('app', 'a');
    const seen = await eventually('the program has read its environment', async () =>
      readIfThere(join(folder, 'seen')),
    );
    const expected = execFileSync('sha256sum', { input: `${FILE_SECRET} ${ENV_SECRET}` }).toString();
    expect(seen).toBe(expected);

    const { policy: shown } = await policies.getPolicy({ name: 'policies/app' });
    const explained = await policies.explainPlacement({ name: 'policies/app' });
    const told = {
      'the policy': toJsonString(PolicySchema, shown ?? create(PolicySchema)),
      'the explanation': JSON.stringify(explained, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
      'the runs': toJsonString(ListRunsResponseSchema, await runs.listRuns({ includeEnded: true })),
      'the events': toJsonString(ListEventsResponseSchema, await events.listEvents({})),
      'the audit': JSON.stringify(
        await createClient(AuditService, cluster.transport).listAuditEntries({}),
        (_, value) => (typeof value === 'bigint' ? String(value) : value),
      ),
      'a snapshot': await snapshotOf(),
      'command lines': commandLines(),
      ...filesBelow(cluster.dataDir),
    };
    expect(told['the policy']).toContain('DB_PASSWORD');
    expect(told['command lines']).toContain('sleep');
    const files = Object.keys(told).filter((name) => name.startsWith('/'));
    expect(files.some((name) => /\.(db|sqlite)/.test(name))).toBe(true);
    expect(files.some((name) => name.endsWith('.log'))).toBe(true);
    for (const secret of [FILE_SECRET, ENV_SECRET]) {
      expect(Object.entries(told).flatMap(([name, text]) => (text.includes(secret) ? [name] : []))).toEqual([]);
    }
    await policies.stopPolicy({ name: 'policies/app' });
  });

  it('fails to start where one is missing or not permitted, and says which', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { apply, policies, runs, events } = fixture();
    for (const [id, file, reason] of [
      ['lost', 'no-such-file', 'SECRET_UNAVAILABLE: DB_PASSWORD: no-such-file'],
      ['curious', '/etc/shadow', 'SECRET_NOT_PERMITTED: DB_PASSWORD: /etc/shadow'],
    ] as const) {
      await apply(policy(id, file));
      await policies.startPolicy({ name: `policies/${id}` });
      const end = await eventually(`${id} has failed`, async () => {
        const [run] = (await runs.listRuns({ policy: `policies/${id}`, includeEnded: true })).runs;
        return run?.attempts.at(-1)?.end;
      });
      expect(end.detail).toContain(reason);
      const ended = await events.listEvents({ about: `policies/${id}`, type: 'ATTEMPT_ENDED' });
      expect(ended.events[0]).toMatchObject({ cause: 'SPAWN_FAILED', message: expect.stringContaining(reason) });
    }
  });

  async function snapshotOf(): Promise<string> {
    const parts: Buffer[] = [];
    for await (const { data } of createClient(ClusterService, fixture().cluster.transport).saveSnapshot({}))
      parts.push(Buffer.from(data));
    return Buffer.concat(parts).toString('latin1');
  }
});

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Of every process of this machine, as ps shows them to everybody. */
function commandLines(): string {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => readIfThere(`/proc/${pid}/cmdline`) ?? '').join('\n');
}

/** Stores, journals, scripts, outputs, logs: all that controller, agent and keeper wrote. */
function filesBelow(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    entries.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path, readFileSync(path, 'latin1')];
    }),
  );
}

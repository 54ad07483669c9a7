/** The SDK against a real controller with a real agent, as its README tells. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyExamples } from '../../cli/dev/example-policies.ts';
import { connect } from '../../sdk/typescript/client.ts';
import { Fence, FencedError } from '../../sdk/typescript/fence.ts';
import { eachItem } from '../../sdk/typescript/pages.ts';
import { errorOf, type Locum } from '../../sdk/typescript/services.ts';
import { FenceVerdict } from '../../shared/gen/locum/v1/fence_service_pb.ts';
import { blocks } from '../docs/shell-blocks.ts';
import { SETUP_TIMEOUT_MS, useCluster } from '../e2e/cluster-fixture.ts';
import { ROOT } from '../e2e/locum-command.ts';

const README = 'sdk/typescript/README.md';
const RUN_TIMEOUT_MS = 50_000;

describe('the SDK for TypeScript', () => {
  const fixture = useCluster(['server-1']);
  let folder = '';
  let made: Locum | undefined;
  const locum = (): Locum => (made ??= connect({ addresses: [fixture().cluster.address], actor: 'sdk-test' }));
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'locum-sdk-'));
    const { cluster } = fixture();
    await applyExamples(cluster.transport, { sharedDir: join(folder, 'shared'), apiAddress: cluster.address });
  }, SETUP_TIMEOUT_MS);
  afterAll(() => {
    made?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function node(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const options = { encoding: 'utf8', timeout: RUN_TIMEOUT_MS, env: { ...process.env, ...env } } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], options);
    return { status, stdout, stderr };
  }

  /** A program of the README, as a file that stands elsewhere. */
  function playReadme(index: number, env: Readonly<Record<string, string>> = {}) {
    const { text = '' } = blocks(README, 'ts')[index] ?? {};
    const file = join(folder, `readme-${index}.ts`);
    const here = text.replace('127.0.0.1:7400', fixture().cluster.address);
    expect(here).not.toBe(text);
    writeFileSync(file, here.replaceAll("'./", `'${join(ROOT, 'sdk/typescript')}/`));
    return node(file, [], env);
  }

  it('does what the first lines of its README say: starts a policy, and follows it to its end', () => {
    const { status, stdout, stderr } = playReadme(0);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^RUN_CREATED /m);
    expect(stdout.trim().split('\n').at(-1)).toMatch(/^RUN_SUCCEEDED /);
  });

  it('lets the attempt that is current write with its epoch as a token', async () => {
    const { run, attempt } = await fixture().running('file-drop-watcher');
    const env = {
      LOCUM_POLICY: run.policy.slice('policies/'.length),
      LOCUM_RUN: run.name.slice('runs/'.length),
      LOCUM_EPOCH: `${attempt.epoch}`,
    };
    const { status, stdout, stderr } = playReadme(1, env);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe(`${run.name} may write with token ${attempt.epoch}\n`);
  });

  it('deploys a version with the example, which fences the attempt of before', async () => {
    const before = await fixture().running('file-drop-watcher');
    const { policy, name: run } = before.run;
    const env = { LOCUM_ADDRESS: fixture().cluster.address };
    const bot = join(ROOT, 'sdk/typescript/examples/deploy-bot.ts');
    expect(node(bot, [policy, '1.4.2'], env)).toEqual({
      status: 0,
      stdout: `${policy} 1.4.2 runs on servers/server-1\n`,
      stderr: '',
    });
    const changed = await locum().policies.getPolicy({ name: policy });
    expect(changed.policy?.workload?.env['VERSION']).toBe('1.4.2');
    const older = { LOCUM_POLICY: policy, LOCUM_RUN: run, LOCUM_EPOCH: `${before.attempt.epoch}` };
    const fenced = await new Fence({ fences: locum().fences, env: older }).assertCurrent().catch((e: unknown) => e);
    if (!(fenced instanceof FencedError)) throw new Error(`was not fenced: ${String(fenced)}`);
    expect(fenced.answer.verdict).toBe(FenceVerdict.SUPERSEDED);
    const missing = node(bot, ['policies/none', '1'], env);
    expect(missing).toMatchObject({ status: 1, stderr: expect.stringContaining('(NOT_FOUND)') });
  });

  it('goes over all pages of a list, whatever their size', async () => {
    const pageSize = 1;
    const names: string[] = [];
    const read = (pageToken: string) => locum().policies.listPolicies({ pageToken, pageSize });
    for await (const { name } of eachItem(read, ({ policies }) => policies)) names.push(name);
    expect(names).toHaveLength(4);
    expect(names).toEqual((await locum().policies.listPolicies({})).policies.map(({ name }) => name));
  });

  it('gives the reason of a refusal, and what it is about', async () => {
    const refused = errorOf(
      await locum()
        .policies.getPolicy({ name: 'policies/none' })
        .catch((e: unknown) => e),
    );
    expect([refused?.reason, refused?.resource]).toEqual(['NOT_FOUND', 'policies/none']);
    const invalid = errorOf(
      await locum()
        .policies.getPolicy({ name: 'Policy' })
        .catch((e: unknown) => e),
    );
    expect([invalid?.reason, invalid?.fieldViolations[0]?.field]).toEqual(['INVALID_FIELD', 'name']);
  });

  it('tells the event log who asked', async () => {
    await locum().policies.pausePolicy({ name: 'policies/health-monitor' });
    const { events } = await locum().events.listEvents({ about: 'policies/health-monitor' });
    expect(events[0]?.actor).toBe('operator:sdk-test');
  });

  it('has a README that begins with at most a dozen lines of code', () => {
    expect(readFileSync(join(ROOT, README), 'utf8')).toMatch(/^# [^\n]*\n\n```ts\n(?:[^\n]*\n){1,12}```\n/);
  });
});

describe('a fence outside of a policy', () => {
  it('is refused: there is no attempt that could be fenced', () => {
    const fences = { checkFence: () => Promise.reject(new Error('asked')) };
    expect(() => new Fence({ fences, env: {} })).toThrow(RangeError);
    expect(() => new Fence({ fences, env: { LOCUM_POLICY: 'a', LOCUM_RUN: 'a', LOCUM_EPOCH: '0' } })).toThrow(
      RangeError,
    );
  });
});

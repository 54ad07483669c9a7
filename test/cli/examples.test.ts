import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { examplePolicies } from '../../cli/dev/example-policies.ts';
import { parsePolicies } from '../../cli/policy/files.ts';
import type { Policy } from '../../shared/gen/locum/v1/policy_pb.ts';
import { LOCUM } from '../e2e/locum-command.ts';

const policies = examplePolicies({ sharedDir: '/shared', apiAddress: '127.0.0.1:9' });

function scriptOf({ workload }: Policy): { readonly node: boolean; readonly text: string } {
  if (workload?.kind.case !== 'script') throw new Error('an example is a script');
  return { node: workload.kind.value.interpreter[0] === 'node', text: workload.kind.value.text };
}

describe('the examples', () => {
  it('are the four that the documentation names', () => {
    expect(policies.map(({ name }) => name).sort()).toEqual([
      'policies/file-drop-watcher',
      'policies/health-monitor',
      'policies/nightly-backup',
      'policies/queue-consumer',
    ]);
  });

  it('keep their files inside the cluster of "locum dev"', () => {
    const folders = policies.flatMap(({ workload }) => [workload?.env['DATA_DIR'], workload?.env['SOURCE_DIR']]);
    expect(folders.filter((folder) => folder !== undefined && !folder.startsWith('/shared'))).toEqual([]);
  });

  it.each(policies.map((policy) => [policy.name, policy] as const))(
    '%s has a script that its interpreter can read',
    (_name, policy) => {
      const folder = mkdtempSync(join(tmpdir(), 'locum-example-'));
      const file = join(folder, 'script');
      try {
        const { node, text } = scriptOf(policy);
        writeFileSync(file, text);
        const checked = node ? spawnSync(process.execPath, ['--check', file]) : spawnSync('/bin/sh', ['-n', file]);
        expect(checked.stderr.toString()).toBe('');
        expect(checked.status).toBe(0);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  it('of services are read as well', () => {
    const folder = join(import.meta.dirname, '../../examples/services');
    for (const file of readdirSync(folder)) {
      expect(parsePolicies(file, readFileSync(join(folder, file), 'utf8')), file).toHaveLength(1);
    }
  });

  it('are refused with file, line and field when a field is mistyped', () => {
    const mistyped = 'name: policies/x\nworkload:\n  comand: {argv: [a]}\n';
    expect(() => parsePolicies('x.yaml', mistyped)).toThrow(/x\.yaml.*line 3.*did you mean "command"/);
    const tooSmall = 'name: policies/x\nslots: 0\nworkload: {command: {argv: [a]}}\n';
    expect(() => parsePolicies('x.yaml', tooSmall)).toThrow(/x\.yaml: line 2, column 1: policies\/x.*slots/);
  });
});

describe('files that can not be meant', () => {
  it.each([
    [
      'one policy twice',
      'name: policies/x\nworkload: {command: {argv: [a]}}\n---\nname: policies/x\nworkload: {command: {argv: [b]}}\n',
      'policies/x is twice in standard input',
    ],
    [
      'a script in another encoding',
      Buffer.from('name: policies/x\nworkload: {script: {text: "echo gr\xf6\xdfe"}}\n', 'latin1'),
      'standard input: line 2: is not UTF-8',
    ],
  ])('are refused before anything is asked: %s', (_what, input, words) => {
    const { status, stderr } = spawnSync(process.execPath, [LOCUM, 'policy', 'apply', '-f', '-'], { input });
    expect({ status, stderr: stderr.toString() }).toEqual({ status: 1, stderr: expect.stringContaining(words) });
  });
});

describe('nothing to apply', () => {
  it('is said by what had no policy in it, standard input too', () => {
    const { status, stderr } = spawnSync(process.execPath, [LOCUM, 'policy', 'apply', '-f', '-'], {
      input: '# a command before the pipe found nothing\n',
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'error: no policy in standard input\n',
    });
  });
});

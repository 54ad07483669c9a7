import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { parsePolicies } from '../../cli/policy/files.ts';
import { POLICY_KINDS, template } from '../../cli/policy/init.ts';
import { manifestText, SET_BY_LOCUM } from '../../cli/policy/manifest.ts';
import { ListMode, MissedRun, PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { printableColours } from '../../shared/printable.ts';

const proto = readFileSync(join(import.meta.dirname, '../../proto/locum/v1/policy.proto'), 'utf8');

describe('a policy as a file', () => {
  it('has nothing that Locum sets: the fields that the proto calls output only, and the etag', () => {
    const outputOnly = [...proto.matchAll(/\/\/ Output only\. .*\n +[\w. ]+ (\w+) = /g)].map(([, name]) => name);
    expect(outputOnly.length).toBeGreaterThan(5);
    const names = SET_BY_LOCUM.map((field) => PolicySchema.field[field].name);
    expect(new Set<string | undefined>(names)).toEqual(new Set([...outputOnly, 'etag']));
  });

  it('is read back as what it was', async () => {
    const policy = create(PolicySchema, {
      name: 'policies/nightly',
      uid: 'u7',
      etag: '"u7.3"',
      createTime: timestampFromMs(1),
      runs: ['runs/nightly-1'],
      pool: 'pools/default',
      workload: { kind: { case: 'script', value: { text: "#!/bin/sh\necho 'a: b'\n" } }, env: { DEBUG: 'no' } },
      trigger: { kind: { case: 'schedule', value: { cron: '0 2 * * *', missed: MissedRun.ONCE } } },
      servers: ['servers/web-2'],
      listMode: ListMode.PREFER,
      labels: { example: 'yes', port: '80' },
    });
    const text = await manifestText(policy);
    expect(text).toContain('list_mode: PREFER\n');
    expect(text).toContain('    missed: ONCE\n');
    // For readers of YAML 1.1 too, to whom a bare yes is true.
    expect(text).toContain('example: "yes"');
    const [read] = parsePolicies('x.yaml', text);
    const settable = { ...policy, uid: '', etag: '', runs: [] };
    delete settable.createTime;
    expect(read?.policy).toEqual(settable);
  });

  it('is read back from a terminal as what it was, also where that escapes what is in it', async () => {
    const text = 'echo "a\u202eb"\n# \u0007\u001b[2J tab\there\n';
    const workload = { kind: { case: 'script' as const, value: { text } } };
    const policy = create(PolicySchema, { name: 'policies/odd', workload });
    const printed = printableColours(await manifestText(policy));
    expect(printableColours(printed)).toBe(printed);
    expect(printed).toContain('\\u202e');
    const [read] = parsePolicies('x.yaml', printed);
    expect(read?.policy.workload).toEqual(policy.workload);
  });

  it('may name things without their collection', () => {
    const [read] = parsePolicies(
      'x.yaml',
      'name: a\npool: p\nservers: [web-1, servers/web-2]\nworkload: { command: { argv: [x] } }',
    );
    expect(read?.policy).toMatchObject({
      name: 'policies/a',
      pool: 'pools/p',
      servers: ['servers/web-1', 'servers/web-2'],
    });
  });

  it.each(POLICY_KINDS)('begins with an example of its kind: %s', (kind) => {
    const text = template(kind);
    expect(parsePolicies('x.yaml', text)).toHaveLength(1);
    // What stands there as a comment is right too.
    const field = /^# ([a-z_]+: .*?)(?: {2,}#.*)?$/gm;
    const all = [...text.matchAll(field)].map(([, line]) => line).join('\n');
    expect(parsePolicies('x.yaml', `name: a\nworkload: { command: { argv: [x] } }\n${all}`)).toHaveLength(1);
  });

  it('says where in it something is wrong that only the rules know', () => {
    const text = 'name: a\nworkload:\n  command: { argv: [x] }\nrestart:\n  attempts: 500\n';
    expect(() => parsePolicies('x.yaml', text)).toThrow(
      /^x\.yaml: line 5, column 3: policies\/a: restart\.attempts: must be/,
    );
  });
});

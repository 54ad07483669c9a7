import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { policyAdvice } from '../../../controller/api/policy-advice.ts';
import { PolicySchema } from '../../../shared/gen/locum/v1/policy_pb.ts';
import { inWorld } from '../controller-world.ts';

type Trigger = NonNullable<MessageInitShape<typeof PolicySchema>['trigger']>;

const onDemand = { kind: { case: 'onDemand' as const, value: {} } };
const continuous = { kind: { case: 'continuous' as const, value: {} } };

interface Written {
  readonly interpreter?: string[];
  readonly trigger?: Trigger | 'none';
}

function adviceFor(text: string, { interpreter = [], trigger = onDemand }: Written = {}) {
  const workload = { kind: { case: 'script' as const, value: { text, interpreter } } };
  return policyAdvice(create(PolicySchema, { name: 'policies/x', workload, ...(trigger !== 'none' && { trigger }) }));
}

describe('the writer of a script', () => {
  it.each([
    ['an obeyed line', '#!/usr/bin/env python3\nimport sys', []],
    ['no line at all', 'import sys', []],
    ['an interpreter that says the same', '#!/bin/bash\ntrue', ['/bin/bash']],
    ['a comment later on', `${'true\n'.repeat(9)}#!/bin/bash`, []],
    ['a line that names nothing', '#!\ntrue', ['bash']],
  ])('is told nothing of %s', (_what, text, interpreter) => {
    expect(adviceFor(text, { interpreter })).toEqual([]);
  });

  it.each([
    ['behind a blank', ' #!/usr/bin/env python3\nimport sys'],
    ['behind a byte order mark', '\uFEFF#!/usr/bin/env python3\nimport sys'],
    ['below an empty line', '\n#!/usr/bin/env python3\nimport sys'],
    ['below a comment', '# Copyright\n#!/usr/bin/env python3\r\nimport sys'],
  ])('is told that a "#!" line %s is none', (_where, text) => {
    const [told = '', ...more] = adviceFor(text);
    expect(more).toEqual([]);
    expect(told).toContain('"#!/usr/bin/env python3" does not begin its text');
    expect(told).toContain('/bin/sh reads the script');
  });

  it('is told that the interpreter counts, where the line names another one', () => {
    expect(adviceFor('#!/usr/bin/env python3\nimport sys', { interpreter: ['bash', '-e'] })).toEqual([
      'its interpreter is bash -e, so its line "#!/usr/bin/env python3" is a comment: leave the interpreter out to have the line obeyed',
    ]);
  });

  it('is told that a script which ends is started for ever without a trigger, unless that is said', () => {
    const ends = 'echo hello\ncp a b\n';
    const [told = ''] = adviceFor(ends, { trigger: 'none' });
    expect(told).toContain('it has no trigger');
    expect(adviceFor(`#!/bin/bash -eu\n${ends}`, { trigger: 'none' })).toHaveLength(1);
    for (const trigger of [onDemand, continuous]) expect(adviceFor(ends, { trigger })).toEqual([]);
    for (const lasting of ['exec ./server', 'while true; do date; sleep 1; done', 'tail -f /dev/null', 'x & wait'])
      expect(adviceFor(lasting, { trigger: 'none' })).toEqual([]);
    expect(adviceFor('#!/usr/bin/env python3\nprint(1)', { trigger: 'none' })).toEqual([]);
  });

  it('is answered within a moment, however strange the text', () => {
    const started = process.cpuUsage().user;
    for (const text of [
      `#!a${' '.repeat(130_000)}b`,
      `${' '.repeat(130_000)}#!`,
      '#!'.repeat(65_000),
      'e'.repeat(130_000),
    ])
      adviceFor(text, { trigger: 'none' });
    expect(process.cpuUsage().user - started).toBeLessThan(2_000_000);
  });

  it(
    'reads it in the warnings of the answer, of what the request says',
    inWorld(async ({ api: { policies } }) => {
      const workload = { kind: { case: 'script' as const, value: { text: ' #!/bin/bash\ntrue' } } };
      const policy = { name: 'policies/x', workload, trigger: onDemand };
      expect((await policies.createPolicy({ policy })).warnings.join()).toContain('does not begin its text');
      const labels = { policy: { ...policy, labels: { a: 'b' } }, updateMask: { paths: ['labels'] } };
      expect((await policies.updatePolicy(labels)).warnings.join()).not.toContain('does not begin');
      expect((await policies.updatePolicy({ policy })).warnings.join()).toContain('does not begin');
    }),
  );
});

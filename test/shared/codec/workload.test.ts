import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { workloadFromProto } from '../../../shared/codec/workload.ts';
import { WorkloadSchema } from '../../../shared/gen/locum/v1/policy_pb.ts';

function interpreterOf(text: string, interpreter: readonly string[] = []): readonly string[] {
  const script = create(WorkloadSchema, { kind: { case: 'script', value: { text, interpreter: [...interpreter] } } });
  const workload = workloadFromProto(script);
  if (workload.kind !== 'script') throw new Error('it is a script');
  return workload.interpreter;
}

describe('the interpreter of a script', () => {
  it.each([
    ['echo hello', ['/bin/sh']],
    ['#!/usr/bin/env python3\nimport sys', ['/usr/bin/env', 'python3']],
    ['#!/bin/bash', ['/bin/bash']],
    ['#!/bin/bash -eu -o pipefail\ntrue', ['/bin/bash', '-eu -o pipefail']],
    ['#!/usr/bin/env -S deno run\n', ['/usr/bin/env', '-S deno run']],
    ['#! /bin/sh -e \r\necho', ['/bin/sh', '-e']],
    [' #!/bin/bash\n', ['/bin/sh']],
    ['# a comment\n#!/bin/bash\n', ['/bin/sh']],
  ])('of %j is %j', (text, interpreter) => {
    expect(interpreterOf(text)).toEqual(interpreter);
  });

  it('is that of its field before that of its "#!" line', () => {
    expect(interpreterOf('#!/bin/bash\n', ['node'])).toEqual(['node']);
  });

  it('is refused when the "#!" line names none', () => {
    expect(() => interpreterOf('#!\necho')).toThrow('names no interpreter');
    expect(() => interpreterOf(`#!/${'x'.repeat(5_000)}`)).toThrow('longer than 4096 bytes');
  });
});

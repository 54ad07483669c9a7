/** The command line of a keeper, as agents and services write it. */
import { describe, expect, it } from 'vitest';
import { keeperOptions } from '../../cli/keeper-start.ts';

describe('the command line of a keeper', () => {
  it('takes every limit of output', () => {
    const flags = ['segment-bytes', 'segments', 'newest', 'policy-bytes', 'host-bytes', 'age-ms'];
    const words = flags.flatMap((flag, i) => [`--output-${flag}`, String(i + 1)]);
    expect(keeperOptions(['--state-dir', '/s', ...words])).toEqual({
      ...{ stateDir: '/s', outputSegmentBytes: 1, outputSegments: 2, outputNewest: 3 },
      ...{ outputPolicyBytes: 4, outputHostBytes: 5, outputAgeMs: 6 },
    });
  });

  it.each([[['--output-newest', '0']], [['--output-newest', 'many']], [['--output-newest']], [['--newest', '1']]])(
    'leaves %j to the parser, which has the words for it',
    (words) => {
      expect(keeperOptions(['--state-dir', '/s', ...words])).toBeUndefined();
    },
  );
});

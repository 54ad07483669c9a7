import { describe, expect, it } from 'vitest';
import { textBlocks, unprintedLines } from '../../scripts/demo-page.ts';
import { textOf } from './shell-blocks.ts';

describe('the output of the demo', () => {
  const [whole = ''] = textBlocks(textOf('docs/demo.md'));

  it('is on the first page as it is in docs/demo.md, which CI holds against the demo itself', () => {
    const parts = textBlocks(textOf('README.md'));
    expect(parts).toHaveLength(1);
    expect(parts.flatMap((part) => unprintedLines(part, whole))).toEqual([]);
  });

  it('is compared without its figures, and a line in other words is found', () => {
    const shown =
      '  11.461 s    server-1 is MISSING: no heartbeat for 4501 ms\n           ✓ never before 4.5 s of silence\n';
    expect(unprintedLines(shown, shown.replace('11.461', '9.2').replace('4501', '4507'))).toEqual([]);
    expect(unprintedLines(shown, shown.replace('MISSING', 'SUSPECT'))).toEqual([shown.split('\n')[0]]);
  });
});

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dialTable, outageToleratedMs, SETTINGS, takeoverMs } from '../../scripts/dial-table.ts';
import { present } from '../../shared/assert.ts';
import { DEFAULT_TIMERS } from '../../shared/protocol/timers.ts';
import { TROUBLES } from '../faults/network-faults.ts';
import { CRASHES, RESTARTS } from '../faults/process-faults.ts';

const page = join(import.meta.dirname, '../../docs/guarantees.md');
const text = readFileSync(page, 'utf8');

describe('docs/guarantees.md', () => {
  it('has the table of the dial as the rules of the controller make it', () => {
    expect(text).toContain(`\n${dialTable().join('\n')}\n`);
  });

  it('names settings that do what they are named after', () => {
    for (const setting of SETTINGS) {
      const { aim, timers, outageMs = 0, takeoverMs: atMost = Number.POSITIVE_INFINITY } = setting;
      expect(outageToleratedMs(timers), aim).toBeGreaterThanOrEqual(outageMs);
      expect(takeoverMs(setting), aim).toBeLessThanOrEqual(atMost);
    }
  });

  it('names the example of a setting by the flags that make its row', () => {
    const [, lease, missing] = present(
      /pool set default --lease (\d+)s --missing-after (\d+)s/.exec(text) ?? undefined,
      'an example',
    );
    const timers = { ...DEFAULT_TIMERS, leaseMs: Number(lease) * 1000, missingAfterMs: Number(missing) * 1000 };
    expect(SETTINGS.map((setting) => setting.timers)).toContainEqual(timers);
  });

  it('counts the real faults that are played', () => {
    const count = RESTARTS.length + CRASHES.length + TROUBLES.length;
    expect(text).toMatch(new RegExp(`\\b${count}\\s+faults\\s+are\\s+played\\s+in\\s+turn:`));
  });

  it('points only to what is there', () => {
    // Pages of others are not looked up.
    const targets = [...text.matchAll(/\]\((?!https:)([^)#]+)(?:#[^)]*)?\)/g)].map(([, target]) => target ?? '');
    expect(targets.length).toBeGreaterThan(5);
    expect(targets.filter((target) => !existsSync(join(dirname(page), target)))).toEqual([]);
  });
});

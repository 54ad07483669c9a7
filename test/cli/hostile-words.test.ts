import { afterEach, describe, expect, it, vi } from 'vitest';
import { runCommandLine } from '../../cli/command-line.ts';
import { commandTable } from '../e2e/command-table.ts';
import { printedIn, RAW } from './printed-output.ts';

/** A name of a file, as somebody may leave one for whoever types `locum policy apply -f *`. */
const EVIL = 'a\u001b]52;c;eA==\u0007\u009b6n\u202e';
const printedBy = (words: readonly string[]): Promise<string> =>
  printedIn(async () => expect(await runCommandLine(words)).toBe(1));

describe('words that are made to attack a terminal are told as escapes', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('as an option that no verb has', async () => {
    const verbs = await commandTable();
    expect(verbs.length).toBeGreaterThan(80);
    let told = 0;
    for (const { name } of verbs) {
      const printed = await printedBy([...name.split(' '), `--${EVIL}`]);
      // Some miss an option of their own first.
      if (printed.includes('unknown option')) told += 1;
      expect(RAW.exec(printed), name).toBeNull();
    }
    expect(told).toBeGreaterThan(70);
  });

  it.each([
    [['policy', EVIL], 'unknown command'],
    [[EVIL], 'unknown command'],
    [['config', 'validate', 'controller', EVIL], 'too many arguments'],
    [['dev', '--store', EVIL], 'Allowed choices'],
    [['completion', EVIL], 'Allowed choices'],
    [['events', '--since', EVIL], 'use a time span'],
    [['server', 'list', '--address', EVIL], 'is not host:port'],
    [['agent', 'join', EVIL, '--token', 'x', '--ca-hash', 'y'], 'is not host:port'],
    [['policy', 'apply', '-f', EVIL], 'does not exist'],
    [['snapshot', 'inspect', EVIL], 'does not exist'],
    [['audit', 'verify', '--file', EVIL], 'ENOENT'],
    [['controller', '--config', EVIL], 'does not exist'],
    [['agent', '--config', EVIL], 'does not exist'],
    [['certificate', 'issue', EVIL, '--out', EVIL], ''],
    [['server', 'list', '--ca-file', EVIL], 'does not exist'],
    [['server', 'list', '--token-file', EVIL], 'does not exist'],
  ])('%j', async (words, told) => {
    const printed = await printedBy(words);
    expect(printed).toContain(told);
    expect(RAW.exec(printed)).toBeNull();
  });
});

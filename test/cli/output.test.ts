import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { parseMoment } from '../../cli/globals.ts';
import { type Column, renderFacts, Table } from '../../cli/output/table.ts';
import { age, clockTime, idOf, roughSpan, span, word } from '../../cli/output/words.ts';
import { terminalWidth } from '../../cli/output/wrap.ts';
import { count } from '../../shared/count.ts';
import { LivenessSchema } from '../../shared/gen/locum/v1/server_pb.ts';
import { toDuration } from '../../shared/rpc/time-messages.ts';

interface Row {
  readonly name: string;
  readonly runs: number;
  readonly note?: string;
}

const columns: readonly Column<Row>[] = [
  { head: 'NAME', cell: ({ name }) => name },
  { head: 'RUNS', right: true, cell: ({ runs }) => runs },
  { head: 'UID', wide: true, cell: () => 'u1' },
  { head: 'NOTE', cell: ({ note }) => note },
];

describe('tables', () => {
  it('align their columns, numbers at the right, with no blanks at the end of a line', () => {
    const table = new Table(columns, { wide: false });
    expect(
      table
        .render([
          { name: 'a', runs: 5 },
          { name: 'longer', runs: 120, note: 'busy' },
        ])
        .split('\n'),
    ).toEqual(['NAME    RUNS  NOTE', 'a          5  -', 'longer   120  busy']);
  });

  it('show wide columns only when asked', () => {
    expect(new Table(columns, { wide: true }).render([])).toBe('NAME  RUNS  UID  NOTE');
  });

  it('keep their widths for rows that come later', () => {
    const table = new Table(columns, { wide: false });
    table.render([{ name: 'longer', runs: 1 }]);
    expect(table.renderRow({ name: 'b', runs: 2, note: 'x' })).toBe('b          2  x');
  });

  it('keep a text with line breaks on one line', () => {
    expect(new Table(columns, { wide: false }).renderRow({ name: 'a', runs: 0, note: 'one\n  two' })).toMatch(
      /one two$/,
    );
  });

  it('break the last column between words where a terminal has no more room, and nothing in a pipe', () => {
    const note = 'all of the servers that may take it are full, and have been for long';
    const rows = [{ name: 'a', runs: 5, note }];
    expect(new Table(columns, { wide: false, width: 45 }).render(rows).split('\n')).toEqual([
      'NAME  RUNS  NOTE',
      'a        5  all of the servers that may take',
      '            it are full, and have been for',
      '            long',
    ]);
    expect(new Table(columns, { wide: false, width: undefined }).render(rows).split('\n')).toHaveLength(2);
    expect(terminalWidth({ isTTY: false, columns: 80 })).toBeUndefined();
  });

  it('put below, in front of the last column, what yields where not even the others fit', () => {
    const yielding = [columns[0], { head: 'MORE', yields: true, cell: () => 'locum run show a' }, ...columns.slice(1)];
    const rows = [{ name: 'a-name-that-is-long', runs: 5, note: 'all of the servers that may take it are full' }];
    const lines = (width: number) =>
      new Table(
        yielding.filter((column) => column !== undefined),
        { wide: false, width },
      )
        .render(rows)
        .split('\n');
    expect(lines(40)).toEqual([
      'NAME                 RUNS',
      '    MORE',
      '    NOTE',
      'a-name-that-is-long     5',
      '    locum run show a',
      '    all of the servers that may take it',
      '    are full',
    ]);
    expect(lines(60)[1]).toBe('a-name-that-is-long  locum run show a     5');
  });

  it('put the last column below the others where these leave no room beside them', () => {
    const rows = [
      { name: 'a-name-that-is-long', runs: 5, note: 'all of the servers that may take it are full' },
      { name: 'b', runs: 1 },
    ];
    expect(new Table(columns, { wide: false, width: 40 }).render(rows).split('\n')).toEqual([
      'NAME                 RUNS  NOTE',
      'a-name-that-is-long     5',
      '    all of the servers that may take it',
      '    are full',
      'b                       1  -',
    ]);
    expect(new Table(columns, { wide: false, width: 10 }).renderRow({ name: 'b', runs: 1 })).toBe('b        1');
  });

  it('know what is news to somebody who watches', () => {
    const table = new Table<Row>([...columns, { head: 'AGE', volatile: true, cell: () => Math.random() }], {
      wide: false,
    });
    expect(table.newsOf({ name: 'a', runs: 1 })).toBe(table.newsOf({ name: 'a', runs: 1 }));
    expect(table.newsOf({ name: 'a', runs: 1 })).not.toBe(table.newsOf({ name: 'a', runs: 2 }));
  });

  it('have the columns that are asked for, in that order, whether they are wide or not', () => {
    const table = new Table(columns, { wide: false, columns: ['uid', 'Name'] });
    expect(table.render([{ name: 'a', runs: 1 }]).split('\n')).toEqual(['UID  NAME', 'u1   a']);
    expect(() => new Table(columns, { wide: true, columns: ['size'] })).toThrow(
      'there is no column "size"; possible: name, runs, uid, note',
    );
  });

  it('are sorted by numbers, ages and texts as people sort them, with what is empty at the end either way', () => {
    const order = (sort: string, rows: readonly Row[]) =>
      new Table(columns, { wide: false, columns: ['name'], sort }).render(rows).split('\n').slice(1);
    const rows: readonly Row[] = [
      { name: 'web-10', runs: 9, note: '3h' },
      { name: 'web-9', runs: 10 },
      { name: 'web-1', runs: 100, note: '2d ago' },
      { name: 'web-2', runs: 2, note: '90s' },
    ];
    expect(order('runs', rows)).toEqual(['web-2', 'web-10', 'web-9', 'web-1']);
    expect(order('-runs', rows)).toEqual(['web-1', 'web-9', 'web-10', 'web-2']);
    expect(order('name', rows)).toEqual(['web-1', 'web-2', 'web-9', 'web-10']);
    expect(order('note', rows)).toEqual(['web-2', 'web-10', 'web-1', 'web-9']);
    expect(order('-note', rows)).toEqual(['web-1', 'web-10', 'web-2', 'web-9']);
    expect(order('uid', rows)).toEqual(rows.map(({ name }) => name));
    expect(() => new Table(columns, { wide: false, sort: 'size' })).toThrow('there is no column "size"');
  });

  it('leave out facts without a value', () => {
    expect(
      renderFacts([
        ['name', 'a'],
        ['empty', ''],
        ['nothing', undefined],
        ['longer', 3],
      ]),
    ).toBe('name:   a\nlonger: 3');
  });
});

describe('words', () => {
  it('show enums without what their names begin with, and nothing for "not set"', () => {
    expect(word(LivenessSchema, 3)).toBe('MISSING');
    expect(word(LivenessSchema, 0)).toBe('');
    expect(word(LivenessSchema, 99)).toBe('99');
  });

  it('show times roughly', () => {
    expect([0, 59_000, 90_000, 150_000, 3 * 3_600_000, 3 * 86_400_000, -5].map(roughSpan)).toEqual([
      '0s',
      '59s',
      '90s',
      '2m',
      '3h',
      '3d',
      '0s',
    ]);
    expect(age(timestampFromMs(1_000), 31_000)).toBe('30s');
    expect(age(undefined)).toBe('');
  });

  it('show spans as they are written', () => {
    expect(span(toDuration(45_000))).toBe('45s');
    expect(span(undefined)).toBe('');
  });

  it('show names without their collection', () => {
    expect(idOf('servers/web-1')).toBe('web-1');
    expect(idOf('web-1')).toBe('web-1');
    expect(count(1, 'run')).toBe('1 run');
    expect(count(2, 'run')).toBe('2 runs');
    expect(clockTime(undefined)).toBe('');
  });
});

describe('a moment on the command line', () => {
  it('is a span back from now, or a time, of the local zone where it says none', () => {
    const before = Date.now();
    const hourAgo = parseMoment('1h');
    expect(hourAgo).toBeGreaterThanOrEqual(before - 3_600_000);
    expect(hourAgo).toBeLessThanOrEqual(Date.now() - 3_600_000);
    expect(parseMoment('2026-11-27T08:00:00Z')).toBe(Date.UTC(2026, 10, 27, 8));
    expect(parseMoment('2026-11-27')).toBe(new Date(2026, 10, 27).getTime());
    expect(parseMoment('2026-11-27T08:30')).toBe(new Date(2026, 10, 27, 8, 30).getTime());
    for (const text of ['yesterday', '', '8', 'T08:30']) expect(() => parseMoment(text)).toThrow(/use a time span/);
  });
});

import { toJson } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LocumError } from '../../shared/errors.ts';
import { ListMode, OnDisconnect, PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { WatchPoolsRequestSchema } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { parseStrict, parseStrictAll, parseStrictDocuments } from '../../shared/rpc/strict-json.ts';

const policy = (text: string) => parseStrict(PolicySchema, text);

/** What is wrong with a text, one line per problem; in which column is left out. */
const problems = (text: string, source?: string): string[] =>
  placedProblems(text, source).map((problem) => problem.replace(/, column \d+/, ''));

function placedProblems(text: string, source?: string): string[] {
  try {
    parseStrict(PolicySchema, text, source === undefined ? {} : { source });
  } catch (error) {
    if (!(error instanceof LocumError) || error.reason !== 'INVALID_FIELD') throw error;
    return error.fieldViolations.map(({ field, description }) => `${field}: ${description}`);
  }
  return [];
}

describe('a file', () => {
  it('is read as YAML, with short enum names and spans as people write them', () => {
    const read = policy(`
name: policies/a
workload:
  command: { argv: [sh, -c, "exit 0"] }
  env: { YES: "yes" }
list_mode: ONLY
onDisconnect: ON_DISCONNECT_HOLD
stop_timeout: 1m30s
priority: 7
trigger: { continuous: {} }
restart: { window: 4.5s, delay: 0.250s }
`);
    expect(toJson(PolicySchema, read)).toEqual({
      name: 'policies/a',
      workload: { command: { argv: ['sh', '-c', 'exit 0'] }, env: { YES: 'yes' } },
      listMode: 'LIST_MODE_ONLY',
      onDisconnect: 'ON_DISCONNECT_HOLD',
      stopTimeout: '90s',
      priority: 7,
      trigger: { continuous: {} },
      restart: { window: '4.500s', delay: '0.250s' },
    });
    expect([read.listMode, read.onDisconnect]).toEqual([ListMode.ONLY, OnDisconnect.HOLD]);
  });

  it('is read as JSON, in the form that our own output has', () => {
    const text = '{"name":"policies/a","listMode":"LIST_MODE_PREFER","createTime":"2026-01-31T12:00:00Z","slots":null}';
    expect(JSON.stringify(toJson(PolicySchema, policy(text)))).toBe(
      '{"name":"policies/a","createTime":"2026-01-31T12:00:00Z","listMode":"LIST_MODE_PREFER"}',
    );
    expect(parseStrict(WatchPoolsRequestSchema, '{"revision":"42"}').revision).toBe(42n);
  });

  it('may be empty', () => {
    expect([policy('').name, policy('# nothing\n').name, policy('---\n').name]).toEqual(['', '', '']);
  });

  it('may hold several documents, if that is what is wanted', () => {
    const text = 'name: policies/a\n---\n---\nname: policies/b\n';
    expect(parseStrictAll(PolicySchema, text).map(({ name }) => name)).toEqual(['policies/a', 'policies/b']);
    expect(problems(text)).toEqual([': has 2 documents, one is wanted']);
  });
});

describe('a place in a file', () => {
  it('is named by line and column', () => {
    expect(placedProblems('restart:\n  atempts: 3', 'a.yaml')).toEqual([
      'restart.atempts: a.yaml: line 2, column 3: Restart has no such field; did you mean "attempts"?',
    ]);
    expect(placedProblems('servers: [servers/a, 7]')).toEqual([
      'servers[1]: line 1, column 22: must be a text, not 7; put it in quotes',
    ]);
  });

  it('is known of each field, also to whoever finds something wrong later', () => {
    const text = 'name: a\n---\nname: b\nworkload:\n  env: { "A B": x }\nservers:\n  - servers/a\n  - servers/b\n';
    const [, second] = parseStrictDocuments(PolicySchema, text);
    const placeOf = (field: string) => second?.placeOf(field);
    expect(placeOf('name')).toBe('line 3, column 1');
    expect(placeOf('servers[1]')).toBe('line 8, column 5');
    expect(placeOf('workload.env["A B"]')).toBe('line 5, column 10');
    // What is not there is looked for where it would be.
    expect(placeOf('workload.command.argv[0]')).toBe('line 4, column 1');
  });
});

describe('a mistake in a file', () => {
  it.each([
    ['stop_timout: 10s', 'stop_timout: line 1: Policy has no such field; did you mean "stop_timeout"?'],
    ['\n\nstop-timeout: 10s', '["stop-timeout"]: line 3: Policy has no such field; did you mean "stop_timeout"?'],
    ['restart:\n  atempts: 3', 'restart.atempts: line 2: Restart has no such field; did you mean "attempts"?'],
    [
      'restart:\n  zzz: 3',
      'restart.zzz: line 2: Restart has no such field; known fields: attempts, window, delay, max_failures',
    ],
    ['stop_timeout: 10', 'stop_timeout: line 1: must be a time span such as 10s, 5m or 1h30m, not 10'],
    ['stop_timeout: 10 s', 'stop_timeout: line 1: must be a time span such as 10s, 5m or 1h30m, not "10 s"'],
    ['create_time: today', 'create_time: line 1: must be a time such as 2026-01-31T12:00:00Z, not "today"'],
    ['list_mode: ONLI', 'list_mode: line 1: must be one of ONLY, PREFER, not "ONLI"; did you mean "ONLY"?'],
    ['list_mode: 1', 'list_mode: line 1: must be one of ONLY, PREFER, not 1'],
    ['slots: many', 'slots: line 1: must be a whole number, not "many"'],
    ['slots: 1.5', 'slots: line 1: must be a whole number, not 1.5'],
    ['slots: 3000000000', 'slots: line 1: must be from -2147483648 to 2147483647, not 3000000000'],
    ['name: 7', 'name: line 1: must be a text, not 7; put it in quotes'],
    ['paused: yes', 'paused: line 1: must be true or false, not "yes"'],
    ['servers: servers/a', 'servers: line 1: must be a list, not "servers/a"'],
    ['servers:\n  - servers/a\n  - 7', 'servers[1]: line 3: must be a text, not 7; put it in quotes'],
    ['servers:\n  - servers/a\n  -', 'servers[1]: line 3: must not be empty'],
    ['labels: [a]', 'labels: line 1: must be a mapping, not a list'],
    ['labels:\n  a b: 1', 'labels["a b"]: line 2: must be a text, not 1; put it in quotes'],
    ['workload: run', 'workload: line 1: must be a mapping with the fields of Workload, not "run"'],
    ['- a', ': line 1: must be a mapping with the fields of Policy, not a list'],
    [
      'workload:\n  command: {}\n  script: {}',
      `workload.script: line 3: can't stand beside "command": only one of them may be set`,
    ],
    [
      'list_mode: ONLY\nlistMode: ONLY',
      `listMode: line 2: can't stand beside "list_mode": only one of them may be set`,
    ],
  ])('is told with its place: %s', (text, told) => {
    expect(problems(text)).toEqual([told]);
  });

  it.each([
    ['a key twice', 'name: a\nname: b', 'line 2: Map keys must be unique'],
    ['no YAML', 'name: [a', 'line 1: '],
    ['a tab as indentation', 'workload:\n\tcommand: {}', 'line 2: Tabs are not allowed'],
    ['an unknown anchor', 'name: *x', 'Unresolved alias'],
    ['a tag that nobody knows', 'name: !!python/object:os.system x', 'Unresolved tag'],
    ['a list of lists without end', `labels: ${'['.repeat(5_000)}${']'.repeat(5_000)}`, 'is nested too deeply'],
  ])('is told: %s', (_what, text, words) => {
    expect(problems(text).join('\n')).toContain(words);
  });

  it('does not hide the others', () => {
    expect(problems('nam: x\nslots: y\nrestart: { delay: z }').map((text) => text.split(':')[0])).toEqual([
      'nam',
      'slots',
      'restart.delay',
    ]);
  });

  it('is told with the name of the file', () => {
    expect(problems('nam: x', 'a.yaml')).toEqual([
      'nam: a.yaml: line 1: Policy has no such field; did you mean "name"?',
    ]);
  });

  it('can not make the reader run away', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'.replaceAll(/./g, (c) => `${c}: &${c} [${`*${String.fromCharCode(c.charCodeAt(0) - 1)},`.repeat(9)}]\n`)}`;
    expect(problems(bomb).join()).toContain('alias');
    const deep = `workload: ${'{script: '.repeat(5_000)}${'}'.repeat(5_000)}`;
    expect(problems(deep).length).toBeGreaterThan(0);
    expect(problems('['.repeat(100_000)).length).toBeGreaterThan(0);
    expect(problems(`a: ${'- '.repeat(100_000)}`).length).toBeGreaterThan(0);
    expect(problems('__proto__: 1\nconstructor: 2').map((text) => text.split(':')[0])).toEqual([
      '__proto__',
      'constructor',
    ]);
  });

  it('is always an answer, never another exception', () => {
    const value = fc.jsonValue({ maxDepth: 4 });
    const key = fc.oneof(fc.constantFrom(...PolicySchema.fields.map(({ name }) => name)), fc.string());
    fc.assert(
      fc.property(fc.dictionary(key, value), (input) => {
        expect(Array.isArray(problems(JSON.stringify(input)))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

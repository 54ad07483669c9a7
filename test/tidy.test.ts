import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { rules } from '../scripts/tidy/rules.ts';
import { readProject, separate, sourceFile } from '../scripts/tidy/source-file.ts';
import { MUTANTS } from './sim/mutation/mutants.ts';

const project = readProject(dirname(import.meta.dirname));

type Tree = Readonly<Record<string, string>>;

function check(name: string, tree: Tree): string[] {
  const rule = rules.find((r) => r.name === name);
  if (rule === undefined) throw new Error(`no rule named "${name}"`);
  return rule.check(Object.entries(tree).map(([path, text]) => sourceFile(path, text)));
}

describe('the project keeps its own rules', () => {
  test('it has files to look at', () => {
    expect(project.map((file) => file.path)).toContain('test/tidy.test.ts');
    expect(project.filter((file) => file.path.startsWith('shared/gen/'))).toEqual([]);
    expect(project.filter((file) => file.path.includes('node_modules'))).toEqual([]);
  });

  test.each(rules.map((rule) => [rule.name, rule] as const))('%s', (_name, rule) => {
    expect(rule.check(project)).toEqual([]);
  });
});

test('every line that the simulator takes away stands once where it is looked for', () => {
  const texts = new Map(project.map(({ path, text }) => [path, text]));
  const lost = MUTANTS.flatMap(({ id, patches }) =>
    patches.filter(({ file, find }) => texts.get(file)?.split(find).length !== 2).map(({ file }) => `${id}: ${file}`),
  );
  expect(lost).toEqual([]);
});

/** A tree and the places, in order, that a rule must complain about in it; none if it must leave the tree alone. */
type Sample = readonly [Tree, ...string[]];

const inCore = (code: string): Tree => ({ 'controller/core/step.ts': code });
const inTest = (code: string): Tree => ({ 'test/a.test.ts': code });

const impure = [
  ...['Date.now()', 'new Date()', 'performance.now()', 'setTimeout(f, 1)', 'clearInterval(t)', 'queueMicrotask(f)'],
  ...['Math.random()', 'process.env', 'console.log(1)', 'crypto.randomUUID()', 'fetch(u)', 'a.localeCompare(b)'],
  ...['n.toLocaleString()', 'Promise.resolve()', 'async () => 1', 'await f()', "import('./a.ts')", 'globalThis.x'],
  ...['new Intl.Collator()', 'new WeakRef(a)', 'setImmediate(f)'],
];

const samples: Readonly<Record<string, readonly Sample[]>> = {
  'imports point one way': [
    [{ 'shared/ids.ts': "\nimport { x } from '../controller/core/state.ts';" }, 'shared/ids.ts:2'],
    [{ 'shared/gen/a.ts': "import './../ids.ts';" }, 'shared/gen/a.ts:1'],
    [inCore("import type { L } from '../loop.ts';"), 'controller/core/step.ts:1'],
    [{ 'controller/loop.ts': "export { main } from './main.ts';" }, 'controller/loop.ts:1'],
    [{ 'agent/main.ts': "const c = await import('../controller/main.ts');" }, 'agent/main.ts:1'],
    [{ 'controller/main.ts': "import { a } from '../agent/core/state.ts';" }, 'controller/main.ts:1'],
    [{ 'keeper/gate.ts': "import { a } from '../agent/core/clock.ts';" }, 'keeper/gate.ts:1'],
    [{ 'agent/agent.ts': "import { a } from '../keeper/core/deadline.ts';" }, 'agent/agent.ts:1'],
    [{ 'controller/loop.ts': "import { world } from '../test/sim/world.ts';" }, 'controller/loop.ts:1'],
    [inCore("import { assert } from '../../shared/assert.ts';")],
    [{ 'controller/main.ts': "import './loop.ts'; import { X } from '../shared/gen/locum/v1/x_pb.ts';" }],
    [{ 'cli/dev.ts': "import '../controller/main.ts'; import '../agent/main.ts';" }],
    [inTest("import '../agent/core/step.ts'; import '../controller/core/step.ts';")],
    [{ 'shared/ids.ts': '// from "../controller/main.ts"\nconst text = "from \'../controller/main.ts\'";' }],
  ],
  "the rooms of the controller's core know only those below them": [
    [{ 'controller/core/records/a.ts': "import { b } from '../runs/b.ts';" }, 'controller/core/records/a.ts:1'],
    [{ 'controller/core/runs/a.ts': "\nimport type { B } from '../core.ts';" }, 'controller/core/runs/a.ts:2'],
    [
      { 'controller/core/hall/a.ts': '', 'controller/core/calls/a.ts': "import '../hall/a.ts';" },
      'controller/core/calls/a.ts:1',
    ],
    [{ 'controller/core/runs/a.ts': "import './b.ts'; import '../records/c.ts'; import '../../../shared/d.ts';" }],
    [{ 'controller/core/core.ts': "import './calls/call.ts';", 'controller/loop.ts': "import './core/core.ts';" }],
  ],
  'a core imports only its own files and pure shared ones': [
    [inCore("import { readFileSync } from 'node:fs';"), 'controller/core/step.ts:1'],
    [inCore("import { create } from '@bufbuild/protobuf';"), 'controller/core/step.ts:1'],
    [inCore("import type { R } from '../../shared/gen/locum/v1/run_pb.ts';"), 'controller/core/step.ts:1'],
    [inCore("import { bind } from '../../shared/rpc/bind.ts';"), 'controller/core/step.ts:1'],
    [
      {
        'agent/core/core.ts': "import { log } from '../../shared/log.ts';",
        'shared/log.ts': "import { x } from './deep.ts';",
        'shared/deep.ts': "\n\nimport pino from 'pino';",
      },
      'shared/deep.ts:3',
    ],
    [inCore("import { encode } from '../../shared/codec/attempt.ts';"), 'controller/core/step.ts:1'],
    [
      {
        'agent/core/core.ts': "import type { Terms } from '../../shared/protocol/attempt.ts';",
        'shared/protocol/attempt.ts': "import { create } from '@bufbuild/protobuf';",
      },
      'shared/protocol/attempt.ts:1',
    ],
    [inCore("import { x } from './state.ts';\nimport { y } from '../../shared/ids.ts';")],
    [inCore("import type { Terms } from '../../shared/protocol/attempt.ts';")],
    [{ 'agent/loop.ts': "import pino from 'pino';", 'shared/log.ts': "import pino from 'pino';" }],
  ],
  'a core knows no clock, chance, waiting or process': [
    ...impure.map((use): Sample => [inCore(`const a = 1;\nf(a, ${use});`), 'controller/core/step.ts:2']),
    [inCore('let counter = 0;'), 'controller/core/step.ts:1'],
    [inCore('export var counter = 0;'), 'controller/core/step.ts:1'],
    [{ 'agent/core/a.ts': "import '../../shared/b.ts';", 'shared/b.ts': 'f(Date.now());' }, 'shared/b.ts:1'],
    [inCore('// Date.now() is for the shell\nconst s = `await ${a.process} process`;\nconst r = /Date/;')],
    [inCore('interface E { readonly process: Id; fetch?: 1 }\nfunction f() {\n  let n = 0;\n}')],
    [inCore('state.process = state.performance;')],
    [{ 'controller/loop.ts': 'setTimeout(tick, 1); Date.now();', 'shared/log.ts': 'process.env' }],
  ],
  "records of the controller's core are changed through one door": [
    ...['turn.journal.put(run)', 'journal.delete(key)', 'turn.journal.event({ type })'].map(
      (use): Sample => [{ 'controller/core/runs/new.ts': `\nf(turn);\n${use};` }, 'controller/core/runs/new.ts:3'],
    ),
    ...['(run as Mutable<Run>).state = x', 'Object.assign(a, b)'].map(
      (use): Sample => [{ 'controller/core/runs/new.ts': `${use};` }, 'controller/core/runs/new.ts:1'],
    ),
    [{ 'controller/core/runs/new.ts': "turn.journal.actor = 'me';" }, 'controller/core/runs/new.ts:1'],
    [
      {
        'controller/core/runs/new.ts':
          'change(turn, run, { desired }, SILENT); turn.lookAtRun(id); turn.journal.touch(key);',
      },
    ],
    [{ 'controller/core/cluster/change.ts': 'journal.put(record);', 'test/a.test.ts': 'journal.put(record);' }],
  ],
  'who owns a part is told through one port': [
    [{ 'agent/a.ts': 'interface A {\n  readonly onEnd: () => void;\n}' }, 'agent/a.ts:2'],
    [{ 'agent/a.ts': 'interface A {\n  readonly onEnd?: (() => void) | undefined;\n}' }, 'agent/a.ts:2'],
    [
      { 'shared/a.ts': '\ninterface AOptions {\n  readonly lose: () => void;\n  readonly cut: (a: A) => void;\n}' },
      'shared/a.ts:2',
    ],
    [{ 'shared/rpc/connect-handler.ts': 'const onDefect = 1;' }, 'shared/rpc/connect-handler.ts:1'],
    [{ 'shared/rpc/connect-handler.ts': 'interface A {\n  readonly onDefect: () => void;\n}' }],
    [{ 'agent/a.ts': 'interface AOptions {\n  readonly owner: Owner;\n  readonly cut: () => void;\n}' }],
    [{ 'agent/a.ts': 'interface AOwner {\n  ended(): void;\n  onceMore(): void;\n}\n// readonly onEnd: (' }],
    [inTest('interface A {\n  readonly onEnd: () => void;\n}')],
  ],
  'a file has at most 350 lines': [
    [{ 'shared/ids.ts': 'a;\n'.repeat(351) }, 'shared/ids.ts:1'],
    [{ 'test/build.ts': 'a;\n'.repeat(400) }, 'test/build.ts:1'],
    [{ 'shared/ids.ts': 'a;\n'.repeat(350), 'test/a.test.ts': 'a;\n'.repeat(900), 'README.md': 'a\n'.repeat(900) }],
  ],
  'a line of a page has at most 160 characters': [
    [{ 'docs/a.md': `short\n${'long '.repeat(33)}` }, 'docs/a.md:2'],
    [{ 'docs/a.md': `| a table | ${'long '.repeat(33)} |\n\`\`\`text\n${'long '.repeat(33)}\n\`\`\`\n` }],
    [{ 'CHANGELOG.md': 'long '.repeat(33), 'shared/a.ts': `// ${'long '.repeat(33)}` }],
  ],
  'no imports in a circle': [
    [{ 'cli/a.ts': "\nimport './b.ts';", 'cli/b.ts': "const { a } = await import('./a.ts');" }, 'cli/b.ts:1'],
    [
      {
        'agent/a.ts': "import './b.ts';",
        'agent/b.ts': "import './c.ts';",
        'agent/c.ts': "import type { A } from './a.ts';",
      },
      'agent/c.ts:1',
    ],
    [{ 'agent/a.ts': "import './b.ts';\nimport './c.ts';", 'agent/b.ts': "import './c.ts';", 'agent/c.ts': '' }],
    [{ 'test/a.ts': "import './b.ts';", 'test/b.ts': "import './a.ts';" }],
  ],
  'an exported name means one thing in a program': [
    [{ 'agent/a.ts': 'export interface Tree {}', 'agent/b.ts': '\nexport const Tree = 1;' }, 'agent/b.ts:2'],
    [{ 'shared/a.ts': 'export type Place = 1;', 'keeper/a.ts': 'export type Place = 2;' }, 'keeper/a.ts:1'],
    [{ 'keeper/a.ts': 'export type Place = 2;', 'shared/a.ts': 'export type Place = 1;' }, 'keeper/a.ts:1'],
    [{ 'cli/a/list.ts': 'export class Row {}', 'cli/b/list.ts': 'export abstract class Row {}' }, 'cli/b/list.ts:1'],
    [{ 'agent/a.ts': 'export interface Tree {}', 'keeper/b.ts': 'export interface Tree {}' }],
    [{ 'agent/a.ts': "export { Tree } from './b.ts';", 'agent/b.ts': 'export type Tree = 1;\nexport const Tree = 1;' }],
    [{ 'cli/a/list.ts': 'export async function list() {}', 'cli/b/list.ts': 'export function list() {}' }],
    [{ 'agent/a.ts': 'const tree = 1;\n// export const tree', 'agent/b.ts': 'export const tree = 1;' }],
  ],
  'what comments and docs refer to is there': [
    [{ 'shared/a.ts': '/** See shared/b.ts. */' }, 'shared/a.ts:1'],
    [{ 'shared/a.ts': '\n// Rule A1 of the lease.', 'docs/semantics.md': '- **A2** is there' }, 'shared/a.ts:2'],
    [{ 'shared/a.ts': '// semantics, section 3', 'docs/semantics.md': '## 2. Words' }, 'shared/a.ts:1'],
    [{ 'shared/a.ts': '// docs/semantics.md, "Waiting"', 'docs/semantics.md': '### Words' }, 'shared/a.ts:1'],
    [{ 'docs/a.md': '[a](b.md) and [c](a.md#nothing)' }, 'docs/a.md:1', 'docs/a.md:1', 'docs/a.md:1'],
    [
      {
        'shared/a.ts':
          '// A1 and I2 of semantics, section 2; docs/semantics.md, "Words"; b.ts beside it\nconst file = "c.ts";',
        'shared/b.ts': '',
        'docs/semantics.md': '# S\n## 2. Words\n- **A1** is there\n| I2 | too |',
        'docs/b.md': '[words](semantics.md#2-words), [here](#own), [code](../shared/)\n# Own',
      },
    ],
  ],
  'names of folders and files are kebab-case': [
    [{ 'shared/resourceName.ts': '' }, 'shared/resourceName.ts:1'],
    [{ 'shared/resource_name.ts': '' }, 'shared/resource_name.ts:1'],
    [{ 'controller/Core/step.ts': '' }, 'controller/Core/step.ts:1'],
    [{ 'shared/resource-name.ts': '', 'test/sim/i5.test.ts': '', 'vitest.config.ts': '', 'CHANGELOG.md': '' }],
  ],
  'a file is named after what is in it': [
    [{ 'shared/utils.ts': '' }, 'shared/utils.ts:1'],
    [{ 'test/helpers/clock.ts': '' }, 'test/helpers/clock.ts:1'],
    [{ 'shared/time.ts': '', 'shared/common-name.ts': '' }],
  ],
  'no barrel files': [
    [{ 'controller/core/index.ts': '' }, 'controller/core/index.ts:1'],
    [{ 'controller/core/index-by-rank.ts': '' }],
  ],
  'what is private begins with #': [
    [{ 'agent/loop.ts': 'class A {\n  private readonly a = 1;\n}' }, 'agent/loop.ts:2'],
    [inTest('class A {\n  private async a() {}\n}'), 'test/a.test.ts:2'],
    [{ 'agent/loop.ts': 'class A {\n  a() {\n    this._b = 1;\n  }\n}' }, 'agent/loop.ts:3'],
    [{ 'agent/loop.ts': 'class A {\n  #a = 1;\n  private constructor() {}\n}\nf((_unused) => 1);\n// private a' }],
  ],
  'a program keeps nothing for subclasses': [
    [{ 'shared/a.ts': 'class A {\n  protected a = 1;\n}' }, 'shared/a.ts:2'],
    [inTest('class A {\n  protected a = 1;\n}')],
  ],
  'nothing is exported wholesale': [
    [{ 'shared/ids.ts': "export * from './time.ts';" }, 'shared/ids.ts:1'],
    [{ 'shared/ids.ts': "\nexport type * as T from './time.ts';" }, 'shared/ids.ts:2'],
    [{ 'shared/ids.ts': "export { a } from './time.ts';\n// export * would be wrong" }],
  ],
  'the engine knows time by its two ports alone': [
    ...['setTimeout(f, 1)', 'clearInterval(t)', 'setImmediate(f)', 'queueMicrotask(f)', 'Date.now()'].map(
      (code): Sample => {
        return [{ 'controller/engine/loop.ts': `\n${code}` }, 'controller/engine/loop.ts:2'];
      },
    ),
    [{ 'controller/leadership/leader-term.ts': 'performance.now()' }, 'controller/leadership/leader-term.ts:1'],
    [
      { 'controller/engine/a.ts': "import { setTimeout as sleep } from 'node:timers/promises';" },
      'controller/engine/a.ts:1',
    ],
    [{ 'controller/engine/agenda.ts': 'setTimeout(f, 1)', 'controller/engine/clock.ts': 'Date.now()' }],
    [
      {
        'controller/engine/a.ts': '// no setTimeout here\nagenda.after(1, f);',
        'controller/main.ts': 'setTimeout(f, 1)',
      },
    ],
  ],
  'a core decides by words, never by a sentence': [
    [inCore("const a = 1;\nif (end.detail.startsWith('EXPIRED')) f();"), 'controller/core/step.ts:2'],
    [inCore('if (run.reason?.includes(word)) f();'), 'controller/core/step.ts:1'],
    [inCore('if (/EXPIRED/.test(lastMessage)) f();'), 'controller/core/step.ts:1'],
    [inCore('const [, word] = FORM.exec(`${text}`) ?? [];'), 'controller/core/step.ts:1'],
    [inCore('const found = (said.message).match(FORM);'), 'controller/core/step.ts:1'],
    [inCore("if (run.reason === 'EXPIRED' || reasons.includes(run.reason) || context.includes(a)) f(cut(detail));")],
    [{ 'controller/loop.ts': 'text.startsWith(prefix)', 'test/a.test.ts': "message.includes('x')" }],
  ],
  'a program decides by words, never by a sentence': [
    [{ 'agent/agent.ts': "\nif (error.message.includes('refused')) f();" }, 'agent/agent.ts:2'],
    [{ 'cli/wait.ts': 'if (/not found/.test(event.message)) f();' }, 'cli/wait.ts:1'],
    [{ 'shared/rpc/a.ts': 'if (error.rawMessage.startsWith(a)) f();' }, 'shared/rpc/a.ts:1'],
    [{ 'controller/store/etcd/fault.ts': 'details.includes(text)', 'test/a.ts': 'message.includes(a)' }],
    [{ 'cli/a.ts': "if (error.reason === 'NOT_FOUND' && names.includes(a)) print(error.message.split(b));" }],
  ],
  'nothing is left for later': [
    ...['TODO', 'FIXME'].flatMap((word): Sample[] => [
      [{ 'shared/ids.ts': `const a = 1; // ${word} later` }, 'shared/ids.ts:1'],
      [{ 'docs/a.md': `one\n${word}: two` }, 'docs/a.md:2'],
      [{ 'proto/locum/v1/a.proto': `// ${word}` }, 'proto/locum/v1/a.proto:1'],
    ]),
    [{ 'shared/ids.ts': "const word = 'TODO';\n// mastodons are fine" }],
  ],
  'no test is singled out': [
    [inTest("test.only('a', () => {});"), 'test/a.test.ts:1'],
    [inTest("\ndescribe.only('a', () => {});"), 'test/a.test.ts:2'],
    [inTest("test('a', () => {}); // never test.only")],
  ],
  'a skipped test says why': [
    ...['skip', 'skipIf(x)', 'runIf(x)', 'todo'].map((how): Sample => {
      return [inTest(`test.${how}('a', () => {});`), 'test/a.test.ts:1'];
    }),
    [inTest("test('a', (ctx) => { if (!root) ctx.skip('needs root'); });")],
  ],
};

describe('each rule can fail, and only where it should', () => {
  test('every rule has samples, some to complain about and some not', () => {
    const complete = Object.entries(samples).filter(([, list]) => {
      return list.some(([, ...places]) => places.length > 0) && list.some(([, ...places]) => places.length === 0);
    });
    expect(complete.map(([name]) => name)).toEqual(rules.map((rule) => rule.name));
  });

  test.each(Object.entries(samples))('%s', (name, list) => {
    for (const [tree, ...places] of list) {
      const found = check(name, tree).map((line) => line.split(': ')[0]);
      expect(found, JSON.stringify(tree)).toEqual(places);
    }
  });
});

describe('code and comments are told apart', () => {
  test.each([
    ["a; // it's b", 'a;'],
    ['a /* b\n c */ d', 'a \n d'],
    ["f('it\\'s // no comment') // yes", "f(' ')"],
    ['`a ${b + `c ${d}` + {e}.f} g` + h', '` ${b + ` ${d}` + {e}.f} ` + h'],
    ['a / b / c; // d', 'a / b / c;'],
    ["x = /['/`]/g; y", 'x = ; y'],
    ["return /\\/\\//.test(a) ? 'b' : c", "return .test(a) ? ' ' : c"],
    ['(a) / 2; `b`', '(a) / 2; ` `'],
  ])('%s', (text, code) => {
    const parts = separate(text);
    expect(parts.code.replaceAll(/ +/g, ' ').trimEnd()).toBe(code);
    expect(parts.code).toHaveLength(text.length);
    expect(parts.comments).toHaveLength(text.length);
  });

  test('what is in a comment is kept in its place', () => {
    expect(separate('a // b').comments).toBe('  // b');
  });
});

/** The rules of style that matter enough to be tests. Each judges all files at once and says where and why. */
import { basename } from 'node:path';
import { callbacks } from './callbacks.ts';
import { circlesOf } from './circles.ts';
import { byHand } from './door.ts';
import { importProblem, importsOf, layerOf, reachedByCores, roomProblem } from './imports.ts';
import { namesWithTwoMeanings } from './names.ts';
import { brokenReferences } from './references.ts';
import { LOOKS_OF_CORES, LOOKS_OF_PROGRAMS, READS_OTHERS } from './sentences.ts';
import { isScript, type SourceFile } from './source-file.ts';

export interface Rule {
  readonly name: string;
  /** One complaint per line, as `path:line: what is wrong`. */
  readonly check: (files: readonly SourceFile[]) => string[];
}

const MAX_LINES = 350;
const MAX_PROSE = 160;

function complaint(file: SourceFile, at: number, problem: string): string {
  return `${file.path}:${file.text.slice(0, at).split('\n').length}: ${problem}`;
}

/** A rule that looks for a pattern in the code (or in the comments) of each file by itself. */
function pattern(
  name: string,
  where: { readonly applies?: (path: string) => boolean; readonly part?: 'code' | 'comments' },
  forbidden: RegExp,
  problem: (found: string) => string,
): Rule {
  const { applies = isScript, part = 'code' } = where;
  const check = (files: readonly SourceFile[]): string[] =>
    files
      .filter((file) => applies(file.path))
      .flatMap((file) => [...file[part].matchAll(forbidden)].map((m) => complaint(file, m.index, problem(m[0]))));
  return { name, check };
}

/** A rule about where a file is and what it is called. */
function naming(name: string, problem: (path: string) => string | undefined): Rule {
  const check = (files: readonly SourceFile[]): string[] =>
    files.flatMap((file) => {
      const found = problem(file.path);
      return found === undefined ? [] : [complaint(file, 0, found)];
    });
  return { name, check };
}

/** A rule about which file may import which. */
function imports(name: string, problemOf: (from: string, target: string) => string | undefined): Rule {
  const check = (files: readonly SourceFile[]): string[] =>
    files.flatMap((file) =>
      importsOf(file).flatMap(({ target, at }) => {
        const problem = target === undefined ? undefined : problemOf(file.path, target);
        return problem === undefined ? [] : [complaint(file, at, problem)];
      }),
    );
  return { name, check };
}

const coreImports: Rule = {
  name: 'a core imports only its own files and pure shared ones',
  check: (files) =>
    [...reachedByCores(files)].flatMap((file) =>
      importsOf(file).flatMap(({ specifier, target, at }) => {
        const pure =
          target !== undefined &&
          (layerOf(target) === 'core' || /^shared\/(?:protocol\/|access\/)?[^/]+\.ts$/.test(target));
        return pure ? [] : [complaint(file, at, `a core reaches this file, so it must not import ${specifier}`)];
      }),
    ),
};

/**
 * What would make a replay of the same events end differently: clocks, timers, chance, the process, waiting, the
 * machine's language settings. A word before `:` or after `.` is a name of a property and means nothing here.
 */
const IMPURE = new RegExp(
  [
    /(?<![.\w$])(?:Date|performance|process|console|crypto|globalThis|fetch|Intl|Promise|WeakRef|FinalizationRegistry)\b(?!\??:)/,
    /(?<![.\w$])(?:set|clear)(?:Timeout|Interval|Immediate)\b(?!\??:)|(?<![.\w$])queueMicrotask\b/,
    /(?<![.\w$])(?:async|await)\b(?!\??:)|(?<![.\w$])import\s*\(/,
    /\bMath\.random\b|\.(?:localeCompare|toLocale[A-Z]\w*)\b/,
    // State of a module outlives a step and is shared by two cores in one process.
    /^(?:export )?(?:let|var)\b/,
  ]
    .map((part) => part.source)
    .join('|'),
  'gm',
);

const corePurity: Rule = {
  name: 'a core knows no clock, chance, waiting or process',
  check: (files) =>
    [...reachedByCores(files)].flatMap((file) =>
      [...file.code.matchAll(IMPURE)].map((m) =>
        complaint(file, m.index, `a core reaches this file: no ${m[0]} in it`),
      ),
    ),
};

/** The simulator plays these files on its own time: only the two ports know that of Node. */
const onPortsOfTime = (path: string): boolean =>
  /^controller\/(?:engine\/|leadership\/leader-term\.ts$)/.test(path) && !/\/(?:clock|agenda)\.ts$/.test(path);

const TIME_OF_NODE =
  /(?<![.\w$])(?:Date|performance)\b(?!\??:)|(?<![.\w$])(?:set|clear)(?:Timeout|Interval|Immediate)\b(?!\??:)|(?<![.\w$])queueMicrotask\b|\bnode:timers\b/g;

const oneDoor: Rule = {
  name: "records of the controller's core are changed through one door",
  check: (files) =>
    files.flatMap((file) =>
      byHand(file).map(({ at, found }) =>
        complaint(
          file,
          at,
          `${found}: say what is new to change() of controller/core/cluster/change.ts, it knows the rest`,
        ),
      ),
    ),
};

const onePort: Rule = {
  name: 'who owns a part is told through one port',
  check: (files) =>
    files
      .filter(({ path }) => inPrograms(path) || path.startsWith('sdk/typescript/'))
      .flatMap((file) => callbacks(file).map(({ at, problem }) => complaint(file, at, problem))),
};

const fileLength: Rule = {
  name: `a file has at most ${MAX_LINES} lines`,
  check: (files) =>
    files
      .filter((file) => isScript(file.path) && !file.path.endsWith('.test.ts'))
      .map((file) => ({ file, lines: file.text.trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > MAX_LINES)
      .map(({ file, lines }) => complaint(file, 0, `${lines} lines: find the second idea and move it out`)),
};

/** Tables and samples of code can't be broken; the changelog is a list that tools merge line by line. */
const proseWidth: Rule = {
  name: `a line of a page has at most ${MAX_PROSE} characters`,
  check: (files) =>
    files
      .filter(({ path }) => path.endsWith('.md') && path !== 'CHANGELOG.md')
      .flatMap(({ path, text }) =>
        proseOf(text).flatMap(({ line, number }) =>
          line.length <= MAX_PROSE ? [] : [`${path}:${number}: ${line.length} characters`],
        ),
      ),
};

/** Lines of a page, numbered from 1, without tables and samples. */
function proseOf(text: string): { readonly line: string; readonly number: number }[] {
  let isSample = false;
  return text.split('\n').flatMap((line, i) => {
    const isFence = /^ *```/.test(line);
    if (isFence) isSample = !isSample;
    return isSample || isFence || /^ *\|/.test(line) ? [] : [{ line, number: i + 1 }];
  });
}

const noCircles: Rule = {
  name: 'no imports in a circle',
  check: (files) => circlesOf(files).map(({ file, at, problem }) => complaint(file, at, problem)),
};

const oneMeaning: Rule = {
  name: 'an exported name means one thing in a program',
  check: (files) => namesWithTwoMeanings(files).map(({ file, at, problem }) => complaint(file, at, problem)),
};

const references: Rule = {
  name: 'what comments and docs refer to is there',
  check: (files) => brokenReferences(files).map(({ file, at, problem }) => complaint(file, at, problem)),
};

const kebabCase = naming('names of folders and files are kebab-case', (path) => {
  const word = '[a-z0-9]+(?:-[a-z0-9]+)*';
  const good = new RegExp(`^(?:\\.?${word}/)*${word}(?:\\.(?:test|config))?\\.[cm]?[jt]s$`);
  return !isScript(path) || good.test(path) ? undefined : `${path} is not kebab-case`;
});

const saysWhatIsInside = naming('a file is named after what is in it', (path) => {
  const vague = path.split('/').find((part) => /^(?:utils?|helpers?|common|misc)(?:\.|$)/.test(part));
  return vague === undefined || !isScript(path) ? undefined : `"${vague}" says nothing about what is inside`;
});

const noIndex = naming('no barrel files', (path) =>
  isScript(path) && /^index\./.test(basename(path)) ? 'import from the file that has the thing' : undefined,
);

const everyFile = (): boolean => true;
const inCores = (path: string): boolean => isScript(path) && layerOf(path) === 'core';
const inPrograms = (path: string): boolean =>
  isScript(path) && /^(?:controller|agent|keeper|cli|shared)\//.test(path) && !inCores(path) && !READS_OTHERS.has(path);
const decidesByWords = (found: string): string => `${found}…: give what decides a word of its own`;
const tests = (path: string): boolean => path.startsWith('test/') && isScript(path);

export const rules: readonly Rule[] = [
  imports('imports point one way', importProblem),
  imports("the rooms of the controller's core know only those below them", roomProblem),
  coreImports,
  corePurity,
  oneDoor,
  onePort,
  fileLength,
  proseWidth,
  noCircles,
  oneMeaning,
  references,
  kebabCase,
  saysWhatIsInside,
  noIndex,
  pattern(
    'what is private begins with #',
    {},
    /(?<=^\s+)private(?=\s+(?!constructor\b)[\w#*])|(?<=\bthis\.)_\w+/gm,
    (found) => `${found}: name it #…`,
  ),
  pattern(
    'a program keeps nothing for subclasses',
    { applies: (path) => isScript(path) && layerOf(path) !== 'outside' },
    /(?<=^\s+)protected(?=\s+[\w#*])/gm,
    () => 'hand in what differs instead',
  ),
  pattern('nothing is exported wholesale', {}, /\bexport\s+(?:type\s+)?\*/g, () => 'name what is exported'),
  pattern('the engine knows time by its two ports alone', { applies: onPortsOfTime }, TIME_OF_NODE, (found) => {
    return `${found}: use the Clock and the Agenda that are handed in`;
  }),
  pattern('a core decides by words, never by a sentence', { applies: inCores }, LOOKS_OF_CORES, decidesByWords),
  pattern(
    'a program decides by words, never by a sentence',
    { applies: inPrograms },
    LOOKS_OF_PROGRAMS,
    decidesByWords,
  ),
  pattern('nothing is left for later', { applies: everyFile, part: 'comments' }, /\b(?:TODO|FIXME)\b/g, (found) => {
    return `${found}: do it, or open an issue`;
  }),
  pattern('no test is singled out', { applies: tests }, /\b(?:test|it|describe|suite)\.only\b/g, (found) => {
    return `${found} switches all other tests off`;
  }),
  pattern(
    'a skipped test says why',
    { applies: tests },
    /\b(?:test|it|describe|suite)\.(?:skip|skipIf|runIf|todo)\b/g,
    (found) => `${found} gives no reason; call ctx.skip('reason') inside the test`,
  ),
];

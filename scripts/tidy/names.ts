/** An exported name means one thing inside a program: nobody has to look at the path of an import to know which one is meant. */
import { isScript, type SourceFile } from './source-file.ts';

const PROGRAMS = ['controller', 'agent', 'keeper', 'cli'] as const;
const EXPORTED =
  /^export\s+(?:declare\s+|abstract\s+|async\s+)*(?:class|function\*?|const|let|interface|type|enum)\s+(?<name>[A-Za-z_$][\w$]*)/gm;

interface Exported {
  readonly file: SourceFile;
  readonly name: string;
  readonly at: number;
}

/** What a file declares and exports. What it only hands on is declared elsewhere. A type and a value of one name in one file are one. */
function exportsOf(file: SourceFile): Exported[] {
  const found = [...file.code.matchAll(EXPORTED)].map((match) => ({
    file,
    name: match.groups?.['name'] ?? '',
    at: match.index,
  }));
  return found.filter(({ name }, i) => found.findIndex((one) => one.name === name) === i);
}

export interface NameProblem {
  readonly file: SourceFile;
  readonly at: number;
  readonly problem: string;
}

/** The verbs of the command line are called the same under every noun: `list`, `show`, `wait`, and `define`, which tells of them. */
const isVerb = ({ file, name }: Exported): boolean => file.path.startsWith('cli/') && /^[a-z]/.test(name);

/** Names that a program, with what is shared, exports from more than one file: all but the first place of each. */
export function namesWithTwoMeanings(files: readonly SourceFile[]): NameProblem[] {
  const exported = files
    .filter(({ path }) => isScript(path))
    .flatMap(exportsOf)
    .filter((one) => !isVerb(one));
  const problems = new Map<string, NameProblem>();
  for (const program of PROGRAMS) {
    const first = new Map<string, Exported>();
    for (const one of exported) {
      if (!one.file.path.startsWith(`${program}/`) && !one.file.path.startsWith('shared/')) continue;
      const other = first.get(one.name);
      if (other === undefined) first.set(one.name, one);
      else {
        const { file, at } = one.file.path.startsWith('shared/') ? other : one;
        const elsewhere = file === one.file ? other.file.path : one.file.path;
        problems.set(`${file.path} ${one.name}`, { file, at, problem: `${elsewhere} exports another ${one.name}` });
      }
    }
  }
  return [...problems.values()];
}

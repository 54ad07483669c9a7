/** Rules about what comments and docs refer to: files, headings and the rules of docs/semantics.md must be there. */
import { posix } from 'node:path';
import { isScript, type SourceFile } from './source-file.ts';

/** A text that somebody is sent to, and where in the file it is named. */
interface Reference {
  readonly at: number;
  readonly text: string;
}

export interface BrokenReference {
  readonly file: SourceFile;
  readonly at: number;
  readonly problem: string;
}

const SEMANTICS = 'docs/semantics.md';
/** Names of files in sentences; a bare name may be that of a file anywhere. */
const PATH = /(?<![\w./@$-])(?:[\w.-]+\/)*[\w-]+(?:\.test)?\.(?:ts|md|proto|pml)(?![\w/*-])/g;
const LINK = /\]\(([^)\s]+)\)/g;
/** A page and one of its headings. */
const HEADED = /\b(?:docs\/)?([a-z]+)(?:\.md)?, "([A-Z][^"]+)"/g;
const RULE = /(?<![\w-])[ACI]\d{1,2}(?![\w-])/g;
const SECTION = /\bsemantics(?:\.md|\]\([^)]*\))?,? section (\d+)/g;
const HEADING = /^#+ +(.+)$/gm;
/** Files that only a text has: examples in docs, what is made, and what other projects have. */
const ELSEWHERE =
  /^(?:https?:|mailto:)|^(?:file|NNNN-title)\b|NNNN|(?:^|\/)(?:node_modules|google|buf|grpc|gen|health)\//;

/** The places where a text of prose, in a comment or a page, names something that is not there. */
export function brokenReferences(files: readonly SourceFile[]): BrokenReference[] {
  const known = new Known(files);
  return files.filter(isProse).flatMap((file) => [
    ...texts(file, PATH)
      .filter(({ text }) => !known.hasFile(file.path, text))
      .map(broken(file, 'there is no file')),
    ...texts(file, LINK)
      .filter(({ text }) => !known.hasTarget(file, text))
      .map(broken(file, 'a link to nowhere:')),
    ...texts(file, HEADED)
      .filter(({ text }) => !known.hasHeading(text))
      .map(broken(file, 'no page has this heading:')),
    ...texts(file, RULE)
      .filter(({ text }) => !known.rules.has(text))
      .map(broken(file, `${SEMANTICS} has no rule`)),
    ...texts(file, SECTION)
      .filter(({ text }) => !known.sections.has(text))
      .map(broken(file, `${SEMANTICS} has no section`)),
  ]);
}

/** Tests and samples name files that they make up; so do the tests of these rules. */
const isProse = ({ path }: SourceFile): boolean =>
  /\.(?:md|proto)$/.test(path) || (isScript(path) && !/^test\/(?:tidy|cli|e2e|model)\b/.test(path));

const broken =
  (file: SourceFile, what: string) =>
  ({ at, text }: Reference): BrokenReference => ({ file, at, problem: `${what} ${text}` });

function texts(file: SourceFile, pattern: RegExp): Reference[] {
  if (pattern === LINK && isScript(file.path)) return [];
  return [...file.comments.matchAll(pattern)].map((match) => ({
    at: match.index,
    text: match.slice(1).join(', ') || match[0],
  }));
}

/** What can be referred to. */
class Known {
  readonly rules: ReadonlySet<string>;
  /** Numbers of the sections of docs/semantics.md. */
  readonly sections: ReadonlySet<string>;
  readonly #paths: ReadonlySet<string>;
  readonly #folders = new Set<string>();
  readonly #endings = new Set<string>();
  readonly #anchors = new Map<string, ReadonlySet<string>>();

  constructor(files: readonly SourceFile[]) {
    this.#paths = new Set(files.map(({ path }) => path));
    for (const { path, text } of files) {
      const parts = path.split('/');
      for (let i = 1; i < parts.length; i += 1) this.#folders.add(parts.slice(0, i).join('/'));
      for (let i = 0; i < parts.length; i += 1) this.#endings.add(parts.slice(i).join('/'));
      if (path.endsWith('.md')) this.#anchors.set(path, new Set(headings(text).map(anchorOf)));
    }
    const semantics = files.find(({ path }) => path === SEMANTICS)?.text ?? '';
    this.rules = new Set([...semantics.matchAll(/^(?:- \*\*|\| )([ACI]\d{1,2})\b/gm)].map((match) => match[1] ?? ''));
    this.sections = new Set(headings(semantics).flatMap((heading) => /^(\d+)\./.exec(heading)?.[1] ?? []));
  }

  hasFile(from: string, name: string): boolean {
    return ELSEWHERE.test(name) || this.#endings.has(name) || this.#paths.has(posix.join(posix.dirname(from), name));
  }

  /** `text`: the page, and the heading; what is no page of ours sends nobody there. */
  hasHeading(text: string): boolean {
    const [page = '', ...heading] = text.split(', ');
    const found = this.#anchors.get(`docs/${page}.md`);
    const anchor = anchorOf(heading.join(', '));
    return found === undefined || [...found].some((one) => one === anchor || one.replace(/^\d+-/, '') === anchor);
  }

  hasTarget(from: SourceFile, link: string): boolean {
    if (ELSEWHERE.test(link)) return true;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? from.path : posix.normalize(posix.join(posix.dirname(from.path), path));
    if (anchor !== undefined) return this.#anchors.get(target)?.has(anchor) === true;
    // Of what is no text, a picture say, only the folder is known.
    return this.#paths.has(target) || this.#folders.has(target.replace(/\/$/, '')) || !/\.(?:md|ts)$/.test(target);
  }
}

const headings = (text: string): string[] => [...text.matchAll(HEADING)].map((match) => match[1] ?? '');

/** As forges make them: https://github.github.com/gfm has no word on it; this is what GitHub and GitLab do for our headings. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

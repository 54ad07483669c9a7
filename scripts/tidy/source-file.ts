/**
 * What the tidy rules look at: a hand-written file, with its code and its comments apart.
 *
 * TypeScript 7 has no compiler API, and the rules need none: they need to know that a word is code, not part of a
 * sentence in a comment or a string. One pass over the characters tells that.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

export interface SourceFile {
  /** From the project's root, with `/`. */
  readonly path: string;
  readonly text: string;
  /** `text` with comments and the insides of strings and regular expressions blanked; same length, same lines. */
  readonly code: string;
  /** The opposite: only the comments. For files that are neither TypeScript nor JavaScript: the whole text. */
  readonly comments: string;
}

const blank = (text: string): string => text.replaceAll(/[^\n]/g, ' ');

const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const QUOTED = /'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"/y;
const TEMPLATE_CHUNK = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*/y;
const REGEX = /\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
/** A slash begins a regular expression after these, and divides after anything else. */
const BEFORE_REGEX = /(?:^|[=(,:;!&|?{}[+*%<>~^-]|\b(?:return|typeof|case|in|of|void|throw|await|yield))\s*$/;

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** Splits a TypeScript or JavaScript text into code and comments, each as long as the text. */
export function separate(text: string): { readonly code: string; readonly comments: string } {
  let code = '';
  let comments = '';
  /**
   * One entry per open template literal: how many braces are open inside its current `${…}`, or `text` between them.
   */
  const templates: Array<number | 'text'> = [];
  const emit = (asCode: string, asComment: string): void => {
    code += asCode;
    comments += asComment;
  };
  while (code.length < text.length) {
    const at = code.length;
    const innermost = templates.at(-1);
    if (innermost === 'text') {
      const chunk = matchAt(TEMPLATE_CHUNK, text, at) ?? '';
      const ends = text[at + chunk.length] !== '$';
      const mark = ends ? '`' : '${';
      emit(blank(chunk) + mark, blank(chunk + mark));
      if (ends) templates.pop();
      else templates[templates.length - 1] = 0;
      continue;
    }
    const comment = matchAt(COMMENT, text, at);
    if (comment !== undefined) {
      emit(blank(comment), comment);
      continue;
    }
    const literal =
      matchAt(QUOTED, text, at) ?? (BEFORE_REGEX.test(code.slice(-40)) ? matchAt(REGEX, text, at) : undefined);
    if (literal !== undefined) {
      // The delimiters stay: import rules find `from '…'` by them. The flags of a regular expression go with its
      // inside.
      const quote = literal[0] ?? '';
      emit(quote === '/' ? blank(literal) : quote + blank(literal.slice(1, -1)) + quote, blank(literal));
      continue;
    }
    const character = text[at] ?? '';
    if (character === '`') templates.push('text');
    else if (typeof innermost === 'number') {
      if (character === '{') templates[templates.length - 1] = innermost + 1;
      else if (character === '}') templates[templates.length - 1] = innermost === 0 ? 'text' : innermost - 1;
    }
    emit(character, blank(character));
  }
  return { code: code.slice(0, text.length), comments: comments.slice(0, text.length) };
}

export const isScript = (path: string): boolean => /\.[cm]?[jt]s$/.test(path);

export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, ...(isScript(path) ? separate(text) : { code: blank(text), comments: text }) };
}

const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'coverage', '.git', '.cache', '.locum']);
const HAND_WRITTEN = /\.(?:[cm]?[jt]s|proto|md|yaml|yml|sh|py|service|pml)$/;

/** All hand-written files of the project. Generated code is left out: nobody can tidy it. */
export function readProject(root: string): SourceFile[] {
  const files: SourceFile[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const full = join(folder, entry.name);
      const path = relative(root, full).replaceAll(sep, '/');
      if (entry.isDirectory()) {
        if (!SKIPPED_FOLDERS.has(entry.name) && path !== 'shared/gen') visit(full);
      } else if (entry.isFile() && HAND_WRITTEN.test(entry.name)) {
        files.push(sourceFile(path, readFileSync(full, 'utf8')));
      }
    }
  };
  visit(root);
  return files;
}

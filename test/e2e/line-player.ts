/** Types command lines one after the other, and tells which of them were not answered as they should be. */
import { runCaptured } from './captured-command.ts';
import type { Line } from './flag-lines.ts';

export interface PlayOptions {
  /** Of the controllers. */
  readonly address: () => string;
  /** Beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** What a placeholder stands for now: `{folder}`, `{etag server show a}`. */
  readonly valueOf: (placeholder: string, ask: (words: readonly string[]) => Promise<string>) => Promise<string>;
  /** Behind every line that asks controllers, such as who calls. */
  readonly always?: readonly string[];
}

export interface Wrong extends Line {
  readonly was: number;
  readonly said: string;
}

export const nameIn = (json: string, collection: string): string =>
  new RegExp(`"name": "(${collection}/[^"]+)"`).exec(json)?.[1] ?? '';

export class LinePlayer {
  readonly #options: PlayOptions;

  constructor(options: PlayOptions) {
    this.#options = options;
  }

  /** Those with another exit code, or that did not say what they should. */
  async wrongOf(lines: readonly Line[]): Promise<readonly Wrong[]> {
    const wrong: Wrong[] = [];
    for (const line of lines) {
      const words = await this.words(line.line);
      const { code, stdout, stderr } = await this.#call(words);
      const said = `${stdout}${stderr}`;
      const was = code ?? -1;
      if (was !== (line.code ?? 0) || !line.says.test(said)) wrong.push({ ...line, line: words.join(' '), was, said });
    }
    return wrong;
  }

  /** On standard output. */
  async said(line: string): Promise<string> {
    return (await this.#call(await this.words(line))).stdout;
  }

  /** With what its placeholders stand for now. */
  async words(line: string): Promise<readonly string[]> {
    const words: string[] = [];
    for (const part of line.match(/(?:\{[^{}]*\}|\S)+/g) ?? []) {
      let word = part;
      // `{{name}}` is a template, and a plan needs the rest of the line.
      for (const [whole, placeholder = ''] of part.matchAll(/(?<!\{)\{([a-z][^{}]*)\}/g)) {
        if (placeholder !== 'plan') word = word.replace(whole, await this.#valueOf(placeholder));
      }
      words.push(word);
    }
    const at = words.indexOf('{plan}');
    if (at < 0) return words;
    const { stderr } = await this.#call([...words.slice(0, at - 1), ...words.slice(at + 1), '--dry-run']);
    words[at] = /--if-plan (\S+)/.exec(stderr)?.[1] ?? `no-plan: ${stderr}`;
    return words;
  }

  async #valueOf(placeholder: string): Promise<string> {
    const ask = async (words: readonly string[]): Promise<string> =>
      (await this.#call([...words, '-o', 'json'])).stdout;
    if (!placeholder.startsWith('etag ')) return this.#options.valueOf(placeholder, ask);
    const json = await ask(placeholder.split(' ').slice(1));
    return String(JSON.parse(/"etag": ("(?:[^"\\]|\\.)*")/.exec(json)?.[1] ?? '"no etag"'));
  }

  async #call(words: readonly string[]) {
    const { address, env = {}, always = [] } = this.#options;
    const at = words.indexOf('--');
    const all = at < 0 ? [...words, ...always] : [...words.slice(0, at), ...always, ...words.slice(at)];
    return await runCaptured(address(), all, env);
  }
}

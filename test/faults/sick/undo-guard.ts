/** Our end of `undo.ts`: every change of the machine says here first how it is taken back. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

export type UndoStep =
  | { readonly kind: 'thaw'; readonly folder: string }
  | { readonly kind: 'write'; readonly file: string; readonly text: string }
  /** Every process of a local cluster, by its mark. */
  | { readonly kind: 'kill-cluster'; readonly folder: string }
  | { readonly kind: 'unmount'; readonly folder: string }
  /** A cgroup and the empty ones in it. */
  | { readonly kind: 'remove-group'; readonly folder: string }
  | { readonly kind: 'remove'; readonly path: string };

export class UndoGuard {
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  #told = '';

  constructor() {
    const program = join(import.meta.dirname, 'undo.ts');
    this.#process = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    this.#process.stdout?.on('data', (bytes: Buffer) => (this.#told += bytes.toString()));
    this.#exited = new Promise((resolve) => {
      this.#process.once('close', () => resolve());
    });
  }

  /** Done later, in the reverse order, whatever happens to us. To be said before what it undoes. */
  defer(step: UndoStep): void {
    this.#process.stdin?.write(`${JSON.stringify(step)}\n`);
  }

  /** Takes everything back. Answers with what could not be: empty when all was well. */
  async close(): Promise<readonly string[]> {
    this.#process.stdin?.end();
    await this.#exited;
    return this.#told.split('\n').filter((line) => line !== '');
  }
}

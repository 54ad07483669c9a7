/**
 * Tells a program of an event: one process, as the user of the controller, with the event on its standard input and its main fields in
 * its environment. No shell reads anything of it, and of the controller's own environment it gets nothing.
 */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../shared/caught-error.ts';
import { cut, printable, printableLines } from '../../shared/printable.ts';
import { type CommandTarget, failed, type HookAnswer, SAID_BYTES } from './hook.ts';
import type { Notification } from './notification.ts';

/** EX_DATAERR of sysexits.h: what it was given is wrong, and would be so again. */
const TURNED_AWAY = 65;
const OUTCOME_CHARACTERS = 300;
const LAST_WORDS_MS = 200;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Never rejects, except with the reason of the signal. */
export async function runHookCommand(
  { argv, timeoutMs }: CommandTarget,
  { body, variables }: Notification,
  signal: AbortSignal,
): Promise<HookAnswer> {
  const [program = '', ...words] = argv;
  const late = AbortSignal.timeout(timeoutMs);
  const over = AbortSignal.any([signal, late]);
  // A group of its own, so that what it starts ends with it.
  const child = spawn(program, words, { cwd: '/', env: { PATH, ...variables }, stdio: 'pipe', detached: true });
  const notStarted = new Promise<HookAnswer>((resolve) => {
    child.once('error', (error) =>
      resolve(failed(cut(printable(`could not be run: ${messageOf(error)}`), OUTCOME_CHARACTERS))),
    );
  });
  // Without descriptors there are no pipes either.
  const { pid } = child;
  if (pid === undefined) return notStarted;
  const kill = (): void => killGroup(pid);
  over.addEventListener('abort', kill, { once: true });
  if (over.aborted) kill();
  // A program that does not read is none of our trouble.
  child.stdin.on('error', () => {});
  child.stdin.end(body);
  const said = new Said();
  for (const output of [child.stdout, child.stderr]) output.on('data', (chunk: Buffer) => said.add(chunk));
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const answer = await new Promise<HookAnswer>((resolve) => {
    // Not `close`: what it leaves behind may hold its output for ever.
    child.once('exit', (code, name) => resolve(answerOf(code, name)));
  });
  over.removeEventListener('abort', kill);
  kill();
  // What it printed last may still be on its way.
  await Promise.race([closed, sleep(LAST_WORDS_MS, undefined, { ref: false })]);
  child.stdout.destroy();
  child.stderr.destroy();
  signal.throwIfAborted();
  if (late.aborted) return failed(`did not end within ${timeoutMs / 1000} s, and was killed`, said.text);
  return { ...answer, said: said.text };
}

function answerOf(code: number | null, signal: NodeJS.Signals | null): HookAnswer {
  if (code === null) return failed(`was ended by ${signal ?? 'a signal'}`);
  const outcome = `exited with ${code}`;
  if (code === 0) return { kind: 'TAKEN', outcome, said: '' };
  return code === TURNED_AWAY ? { kind: 'TURNED_AWAY', outcome, said: '' } : failed(outcome);
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of it is left.
  }
}

/** The beginning of what it prints; the rest is read, lest it wait, and dropped. */
class Said {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  add(chunk: Buffer): void {
    if (this.#bytes >= SAID_BYTES) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  get text(): string {
    return printableLines(Buffer.concat(this.#chunks).subarray(0, SAID_BYTES).toString());
  }
}

/** `locum` programs that stay, as processes of their own, with their logs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { LOCUM } from './locum-command.ts';

export interface LogLine {
  readonly msg: string;
  readonly reason?: string;
  readonly apiAddress?: string;
  readonly agentAddress?: string;
}

export interface Started {
  readonly child: ChildProcess;
  /** As written; grows. */
  readonly text: readonly string[];
  /** The line that it was waited for. */
  readonly line: LogLine;
}

interface StartOptions {
  /** What its log says when it serves. */
  readonly wanted: string;
  readonly umask?: string;
  /** Of another version than this one. */
  readonly program?: string;
}

/** Resolves as soon as its log says that it serves. */
export async function startProgram(
  words: readonly string[],
  { wanted, umask = '022', program = LOCUM }: StartOptions,
): Promise<Started> {
  const command = [process.execPath, program, ...words, '--log-format', 'json'];
  const child = spawn('sh', ['-c', `umask ${umask}; exec "$@"`, 'sh', ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const text: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<LogLine>();
  createInterface({ input: child.stderr }).on('line', (one) => {
    text.push(one);
    // What ends one that can not start is told to people.
    if (!one.startsWith('{')) return;
    const line = JSON.parse(one) as LogLine;
    if (line.msg === wanted) resolve(line);
  });
  child.once('exit', (code) => reject(new Error(`ended with ${code}: ${text.join('\n')}`)));
  return { child, text, line: await promise };
}

export async function stopProgram({ child }: Started): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

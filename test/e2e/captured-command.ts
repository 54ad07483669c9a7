/**
 * `locum` inside this process: what it prints and its exit code, without the half second that a process of its own takes. The
 * command is the same code; that it also works as a process is tested in programs.test.ts and dev.test.ts.
 */
import { vi } from 'vitest';
import { runCommandLine } from '../../cli/command-line.ts';
import type { Ended } from './locum-command.ts';

/** `address` undefined: none is named. `env`: variables beside it. */
export async function runCaptured(
  address: string | undefined,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  let [stdout, stderr] = ['', ''];
  const streams = [
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      stdout += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      return true;
    }),
    vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
      stderr += chunk.toString();
      return true;
    }),
  ];
  vi.stubEnv('LOCUM_ADDRESS', address);
  vi.stubEnv('NO_COLOR', '1');
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  try {
    const code = (await runCommandLine(words)) ?? 0;
    return { code, stdout, stderr };
  } finally {
    vi.unstubAllEnvs();
    for (const stream of streams) stream.mockRestore();
  }
}

/** What commands print, and what of it a terminal would act on. */
import { vi } from 'vitest';

/** What a terminal acts on, and what turns a line round; ends of lines and tabs are ours. */
export const RAW = /(?![\n\t])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

/** What is printed within this process meanwhile, on both streams. The exit code is as if nothing had run. */
export async function printedIn(act: () => Promise<void>): Promise<string> {
  let printed = '';
  const capture = (text: string | Uint8Array): boolean => {
    printed += typeof text === 'string' ? text : Buffer.from(text).toString();
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(capture);
  vi.spyOn(process.stderr, 'write').mockImplementation(capture);
  try {
    await act();
  } finally {
    vi.restoreAllMocks();
    // Some commands have set it.
    process.exitCode = undefined;
  }
  return printed;
}

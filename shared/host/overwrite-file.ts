/** Small files that say which process is at work, written so that a full disk has room for them. */
import { open } from 'node:fs/promises';

/** Writes over what is there, in the block that it has, and cuts off the rest. What a full disk has no block for is not written at all. */
export async function overwriteFile(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, 'r+').catch(() => open(path, 'w', 0o600));
    try {
      const { bytesWritten } = await file.write(text, 0);
      await file.truncate(bytesWritten);
    } finally {
      await file.close();
    }
  } catch {
    // It is for people, and for finding a hung process; the lock is what counts.
  }
}

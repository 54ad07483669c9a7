/** A file for its owner alone, which appears when it is whole. */
import { linkSync, rmSync, writeFileSync } from 'node:fs';
import { errorCode } from '../../shared/caught-error.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';

/** `rule`: what is said where there is one already. @throws CommandFailure of EXIT.conflict then */
export function writeNewFile(file: string, bytes: Uint8Array, rule: string): void {
  const draft = `${file}.part-${process.pid}`;
  try {
    writeFileSync(draft, bytes, { mode: 0o600, flush: true });
    linkSync(draft, file);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw new CommandFailure(`${file} is there already: ${rule}`, EXIT.conflict);
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

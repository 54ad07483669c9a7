/**
 * SIGHUP reads the configuration again, as for every daemon. At a terminal it means that the terminal is gone, and ends the program as it
 * always did.
 */
export const isAtTerminal = (): boolean => process.stdin.isTTY === true || process.stderr.isTTY === true;

/** Reads and takes over, one at a time, for as long as the process lives. What is wrong with the file changes nothing. */
export function onReload(reload: () => void): void {
  if (!isAtTerminal()) process.on('SIGHUP', reload);
}

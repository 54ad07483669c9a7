/** `locum agent leave | status`: orders to the agent of this host, over its own socket. */
import { resolve } from 'node:path';
import { defaultStateDir, loadAgentSettings } from '../../agent/config.ts';
import { askAgentStatus, askAgentToLeave } from '../../agent/local-client.ts';
import { type Globals, isForPeople } from '../globals.ts';
import { printLine, tell } from '../output/print.ts';

export interface LocalOptions {
  readonly config?: string;
  readonly stateDir?: string;
}

export interface LeaveOptions extends LocalOptions {
  /** Milliseconds. */
  readonly within: number;
}

/** As the agent itself finds it. */
function folderOf({ stateDir, config }: LocalOptions): string {
  if (stateDir !== undefined) return resolve(stateDir);
  if (config === undefined) return resolve(defaultStateDir(process.env));
  return resolve(loadAgentSettings({ file: config, flags: {}, env: process.env }).stateDir);
}

export async function leave(globals: Pick<Globals, 'output' | 'template'>, options: LeaveOptions): Promise<void> {
  if (isForPeople(globals)) tell('Stopping what runs here, and leaving …');
  const outcome = await askAgentToLeave(folderOf(options), { withinMs: options.within });
  printLine(globals.output === 'json' ? JSON.stringify({ outcome }) : `The agent has ended: ${outcome}.`);
}

/** Always JSON: what an agent knows of itself is for people who look for a fault. */
export async function status(options: LocalOptions): Promise<void> {
  printLine(JSON.stringify(await askAgentStatus(folderOf(options)), null, 2));
}

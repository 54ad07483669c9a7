/** Runs an agent until it has left or a signal ends it. */
import { loadAgentSettings } from '../../agent/config.ts';
import { joinedWhere } from '../../agent/enrolment/joined-file.ts';
import { runAgent } from '../../agent/main.ts';
import { locumVersion } from '../locum-version.ts';
import { isAtTerminal } from '../reload-signal.ts';
import { type AgentOptions, flagsOf } from './flags.ts';

export async function start(options: AgentOptions): Promise<void> {
  // Its socket and its lock are its owner's alone from the first moment, however it was started.
  process.umask(0o077);
  const sources = { file: options.config, flags: flagsOf(options), env: process.env };
  const joined = await joinedWhere(loadAgentSettings(sources).stateDir);
  const load = () => loadAgentSettings({ ...sources, joined });
  await runAgent({ settings: load(), version: locumVersion(), again: isAtTerminal() ? undefined : load });
}

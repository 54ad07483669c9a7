/**
 * `locum agent`: runs an agent to its end. SIGTERM and SIGINT leave its runs to the keeper, as a restart or an upgrade needs; the
 * host's shutdown comes through the keeper, and `locum agent leave` through the local control.
 */
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { messageOf } from '../shared/caught-error.ts';
import { protectProcess } from '../shared/host/protect-process.ts';
import { openServiceNotifier, type ServiceState } from '../shared/host/service-notifier.ts';
import { createLogger, type Logger } from '../shared/log.ts';
import { Agent } from './agent.ts';
import type { AgentSettings } from './config.ts';
import type { SpawnKeeperOptions } from './keeper-link/launch.ts';

export interface RunAgentOptions {
  /** From `loadAgentSettings` in agent/config.ts. */
  readonly settings: AgentSettings;
  /** Version of Locum. */
  readonly version: string;
  /** Reads the settings again when the process is told to (SIGHUP). Default: that ends the agent, as SIGTERM does. */
  readonly again?: (() => AgentSettings) | undefined;
  /** Default: lines on stderr, as the settings say. */
  readonly log?: Logger;
  /** How a keeper is started. Default: `locum keeper` of this installation. */
  readonly spawnKeeper?: SpawnKeeperOptions;
}

const STARTING: ServiceState = { words: 'waits for its state directory', isWell: true };

/** Runs until the agent has left or a signal ends it. @throws AgentRunningError, IdentityError */
export async function runAgent(options: RunAgentOptions): Promise<void> {
  const { settings, version, spawnKeeper, again } = options;
  const log =
    options.log ??
    createLogger({ name: `agent ${settings.server}`, level: settings.logLevel, format: settings.logFormat });
  // grpc-js writes to standard error by itself, about things that are answers here.
  setLogVerbosity(logVerbosity.NONE);
  protectProcess();
  let agent: Agent | undefined;
  // Before anything is started from here, which must not speak in its name.
  const service = openServiceNotifier();
  service?.begin(() => agent?.service ?? STARTING);
  agent = await Agent.open({ settings, version, log, ...(spawnKeeper === undefined ? {} : { spawnKeeper }) });
  const opened = agent;
  const onSignal = (): void => {
    service?.stopping('what runs here is left to the keeper');
    opened.detach();
  };
  const onHangUp = (): void => {
    if (again === undefined) {
      onSignal();
      return;
    }
    service?.reloading();
    reload(opened, again, log);
    service?.ready();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal).on('SIGHUP', onHangUp);
  try {
    // It has its state directory. That of a unit after it, such as the keeper's, must not wait for its probes, nor for a leader.
    service?.ready();
    await agent.start();
    const reason = await agent.ended;
    service?.stopping(reason);
    await agent.close(reason);
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal).off('SIGHUP', onHangUp);
    service?.close();
  }
}

/** What is wrong with the new settings changes nothing. */
function reload(agent: Agent, again: () => AgentSettings, log: Logger): void {
  try {
    agent.reload(again());
  } catch (error) {
    log.error(`the configuration can not be read again, so nothing was changed: ${messageOf(error)}`);
  }
}

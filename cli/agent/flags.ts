/** The flags of `locum agent`, as the configuration's own values. */
import { logSettings } from '../log-flags.ts';
import type { LogFlags } from '../log-options.ts';

export interface AgentOptions extends LogFlags {
  readonly config?: string;
  readonly server?: string;
  readonly pool?: string;
  readonly controllers?: string;
  readonly stateDir?: string;
  readonly maxSlots?: number;
  readonly capability?: readonly string[];
  readonly machineId?: string;
  readonly vmGenerationFile?: string;
  readonly externalKeeper?: boolean;
  readonly tlsDir?: string;
  readonly metricsListen?: string;
}

/** `dotnet=4.8`, or `gpu` for a fact without a value. */
function capabilitiesOf(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

/** Absent options stay absent: the file and the defaults have them. */
export function flagsOf(options: AgentOptions) {
  const {
    server,
    pool,
    controllers,
    stateDir,
    maxSlots,
    capability,
    machineId,
    vmGenerationFile,
    externalKeeper,
    tlsDir,
    metricsListen,
    ...log
  } = options;
  const endpoints = controllers?.split(',').map((part) => part.trim());
  return {
    ...(server === undefined ? {} : { server }),
    ...(pool === undefined ? {} : { pool }),
    ...(endpoints === undefined ? {} : { controllers: endpoints.filter((endpoint) => endpoint !== '') }),
    ...(stateDir === undefined ? {} : { stateDirectory: stateDir }),
    ...(maxSlots === undefined ? {} : { maxSlots }),
    ...(capability === undefined ? {} : { capabilities: capabilitiesOf(capability) }),
    ...(machineId === undefined ? {} : { machineId }),
    ...(vmGenerationFile === undefined ? {} : { vmGenerationFile }),
    ...(tlsDir === undefined ? {} : { tlsDirectory: tlsDir }),
    ...(metricsListen === undefined ? {} : { metricsListen }),
    ...(externalKeeper === undefined ? {} : { externalKeeper }),
    ...logSettings(log),
  };
}

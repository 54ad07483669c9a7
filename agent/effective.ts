/** An agent's configuration as a file would say it, with every default that counts. */
import { type JsonObject, toJson } from '@bufbuild/protobuf';
import { isJsonObject, mergedJson } from '../shared/config/json-merge.ts';
import { AgentConfigSchema } from '../shared/gen/locum/config/v1/agent_config_pb.ts';
import { agentLayers, type ConfigSources, loadAgentSettings, type Marks } from './config.ts';

/** @throws LocumError as `loadAgentSettings` */
export function effectiveAgent(sources: ConfigSources): JsonObject {
  const settings = loadAgentSettings(sources);
  const marks = (name: string, { high, low }: Marks) => ({ [`${name}_high`]: high, [`${name}_low`]: low });
  const defaults = {
    server: settings.server,
    pool: settings.pool,
    controllers: [...settings.controllers],
    state_directory: settings.stateDir,
    saturation: { ...marks('cpu', settings.saturation.cpu), ...marks('memory', settings.saturation.memory) },
    base_env: { ...settings.baseEnv },
    log_level: `LOG_LEVEL_${settings.logLevel.toUpperCase()}`,
    external_keeper: false,
    tls_directory: settings.tlsDir ?? '',
  };
  const set = toJson(AgentConfigSchema, agentLayers(sources).config, { useProtoFieldName: true });
  return mergedJson(defaults, isJsonObject(set) ? set : {});
}

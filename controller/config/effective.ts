/** A controller's configuration as a file would say it, with every default that counts. */
import { type JsonObject, toJson } from '@bufbuild/protobuf';
import { timersToProto } from '../../shared/codec/timers.ts';
import { isJsonObject, mergedJson } from '../../shared/config/json-merge.ts';
import { ControllerConfigSchema } from '../../shared/gen/locum/config/v1/controller_config_pb.ts';
import { TimersSchema } from '../../shared/gen/locum/v1/timers_pb.ts';
import { formatListenAddress } from '../../shared/listen-address.ts';
import { DEFAULT_KEEP } from '../core/cluster/cluster.ts';
import { DEFAULT_ELECTION_TTL_MS } from '../core/records/timers.ts';
import { type ConfigSources, controllerLayers, loadControllerSettings } from './config.ts';
import { controllerId } from './controller-id.ts';

/** @throws LocumError as `loadControllerSettings` */
export function effectiveController(sources: ConfigSources): JsonObject {
  const settings = loadControllerSettings(sources);
  const { events, endedRuns, audit } = settings.keep ?? DEFAULT_KEEP;
  const defaults = {
    api_listen: formatListenAddress(settings.apiListen),
    agent_listen: formatListenAddress(settings.agentListen),
    store: settings.store,
    data_directory: settings.dataDirectory ?? '',
    insecure: false,
    adopt_store: false,
    log_level: `LOG_LEVEL_${settings.logLevel.toUpperCase()}`,
    initial_timers: toJson(TimersSchema, timersToProto(settings.initialTimers), { useProtoFieldName: true }),
    id: controllerId(settings),
    election_ttl: `${(settings.electionTtlMs ?? DEFAULT_ELECTION_TTL_MS) / 1000}s`,
    retention: { events, ended_runs: endedRuns, audit },
  };
  const set = toJson(ControllerConfigSchema, controllerLayers(sources).config, { useProtoFieldName: true });
  return mergedJson(defaults, isJsonObject(set) ? set : {});
}

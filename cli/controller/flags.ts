/** The flags of `locum controller`, as the configuration's own values. */
import { create } from '@bufbuild/protobuf';
import { AccessSchema, TlsSchema } from '../../shared/gen/locum/config/v1/controller_config_pb.ts';
import { toDuration } from '../../shared/rpc/time-messages.ts';
import { logSettings } from '../log-flags.ts';
import type { LogFlags } from '../log-options.ts';

export interface ControllerOptions extends LogFlags {
  readonly config?: string;
  readonly apiListen?: string;
  readonly agentListen?: string;
  readonly dataDir?: string;
  readonly store?: string;
  readonly tls?: boolean;
  readonly insecure?: boolean;
  readonly open?: boolean;
  readonly adoptStore?: boolean;
  readonly id?: string;
  readonly apiAdvertise?: string;
  readonly agentAdvertise?: string;
  /** Seconds. */
  readonly electionTtl?: number;
}

/** Absent options stay absent: the file and the defaults have them. */
export function flagsOf({ apiListen, agentListen, dataDir, store, insecure, adoptStore, ...more }: ControllerOptions) {
  const { tls, open, id, apiAdvertise, agentAdvertise, electionTtl, ...log } = more;
  return {
    ...(apiListen === undefined ? {} : { apiListen }),
    ...(agentListen === undefined ? {} : { agentListen }),
    ...(dataDir === undefined ? {} : { dataDirectory: dataDir }),
    ...(store === undefined ? {} : { store }),
    ...(insecure === undefined ? {} : { insecure }),
    ...(open === undefined ? {} : { access: create(AccessSchema, { open }) }),
    ...(adoptStore === undefined ? {} : { adoptStore }),
    ...(tls === undefined ? {} : { tls: create(TlsSchema) }),
    ...(id === undefined ? {} : { id }),
    ...(apiAdvertise === undefined ? {} : { apiAdvertise }),
    ...(agentAdvertise === undefined ? {} : { agentAdvertise }),
    ...(electionTtl === undefined ? {} : { electionTtl: toDuration(electionTtl * 1000) }),
    ...logSettings(log),
  };
}

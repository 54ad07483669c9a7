/** Log options as the configuration's own values. */
import { LogFormat, LogLevel } from '../shared/gen/locum/config/v1/controller_config_pb.ts';
import type { LogFlags } from './log-options.ts';

const levels = { debug: LogLevel.DEBUG, info: LogLevel.INFO, warn: LogLevel.WARN, error: LogLevel.ERROR } as const;
const formats = { pretty: LogFormat.PRETTY, json: LogFormat.JSON } as const;

export interface LogSettings {
  readonly logLevel?: LogLevel;
  readonly logFormat?: LogFormat;
}

/** Only what was given: the file and the defaults have the rest. */
export function logSettings({ logLevel, logFormat }: LogFlags): LogSettings {
  return {
    ...(logLevel === undefined ? {} : { logLevel: levels[logLevel] }),
    ...(logFormat === undefined ? {} : { logFormat: formats[logFormat] }),
  };
}

/** What the keeper says: lines of JSON as every log of ours, without the library, whose memory would be the keeper's. */
import { type LogOutput, stderrOutput } from '../shared/log-output.ts';

export interface KeeperLog {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export function createKeeperLog(output: LogOutput = stderrOutput()): KeeperLog {
  const say = (level: string, msg: string): void => {
    const line = { level, time: new Date().toISOString(), pid: process.pid, name: 'keeper', msg };
    output.write(`${JSON.stringify(line)}\n`);
  };
  return {
    info: (message) => say('info', message),
    warn: (message) => say('warn', message),
    error: (message) => say('error', message),
  };
}

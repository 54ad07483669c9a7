/** The settings of a running controller: what it takes over of others, and what waits for its next start. */
import { type Reload, reloadOf, reloadText } from '../../shared/config/reload.ts';
import type { Logger } from '../../shared/log.ts';
import type { ControllerSettings } from './config.ts';

const LIVE = ['logLevel', 'allowedHosts'] as const;

/** The same as files have them. */
export const liveFields = ['log_level', 'allowed_hosts'] as const;

export class LiveSettings {
  readonly #log: Logger;
  /** As they are in force. */
  #running: ControllerSettings;

  constructor(settings: ControllerSettings, log: Logger) {
    this.#running = settings;
    this.#log = log;
  }

  /** Tells the log what it did. `allowHosts`: where names are judged. */
  take(next: ControllerSettings, allowHosts: (names: readonly string[]) => void): Reload {
    const done = reloadOf(this.#running, next, LIVE);
    const { logLevel, allowedHosts } = next;
    this.#log.level = logLevel;
    allowHosts(allowedHosts ?? []);
    this.#running = { ...this.#running, logLevel, allowedHosts };
    this.#log.info(done, reloadText(done));
    return done;
  }
}

/** Makes the health checks that the core asks for: a few at a time, each within its time, and always with an answer. */
import { messageOf } from '../../shared/caught-error.ts';
import type { AttemptRef } from '../../shared/protocol/attempt.ts';
import type { Effect } from '../core/effect.ts';
import type { FromHost } from '../core/event.ts';
import type { CheckOutcome } from '../core/health.ts';
import { probeHttp, probeTcp } from './network-probe.ts';

/** Further ones wait, and their time begins when they do: a host with many runs must not be kept busy by being asked how it is. */
const MAX_AT_ONCE = 16;

type Check = Extract<Effect, { readonly kind: 'check' }>;

export interface HealthCheckerOptions {
  /** Runs a program in the place of an attempt, which is the keeper's. */
  readonly runInPlace: (attempt: AttemptRef, argv: readonly string[], timeoutMs: number) => Promise<CheckOutcome>;
  readonly tell: (event: Extract<FromHost, { readonly kind: 'checked' }>) => void;
}

export class HealthChecker {
  readonly #options: HealthCheckerOptions;
  /** At most one for each attempt. */
  readonly #waiting: Check[] = [];
  #running = 0;

  constructor(options: HealthCheckerOptions) {
    this.#options = options;
  }

  check(check: Check): void {
    this.#waiting.push(check);
    this.#next();
  }

  #next(): void {
    while (this.#running < MAX_AT_ONCE) {
      const check = this.#waiting.shift();
      if (check === undefined) return;
      this.#running += 1;
      void this.#run(check).then((outcome) => {
        this.#running -= 1;
        this.#options.tell({ kind: 'checked', attempt: check.attempt, outcome });
        this.#next();
      });
    }
  }

  async #run({ attempt, probe, timeoutMs }: Check): Promise<CheckOutcome> {
    try {
      switch (probe.kind) {
        case 'exec':
          return await this.#options.runInPlace(attempt, probe.argv, timeoutMs);
        case 'http':
          return await probeHttp(probe, timeoutMs);
        case 'tcp':
          return await probeTcp(probe, timeoutMs);
      }
    } catch (error) {
      return { kind: 'FAILED', detail: messageOf(error) };
    }
  }
}

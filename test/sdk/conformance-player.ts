/** The steps of sdk/conformance/cases.json, taken with any SDK. */
import { randomUUID } from 'node:crypto';
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { SdkClient } from './driver.ts';
import { textOf } from './method-names.ts';

export interface Step {
  readonly call?: string;
  readonly list?: string;
  readonly fence?: JsonObject;
  readonly request?: JsonObject;
  readonly answer?: JsonObject;
  readonly keep?: Readonly<Record<string, readonly string[]>>;
  readonly refused?: JsonObject;
  readonly failed?: string;
  readonly told?: JsonObject;
  readonly timeoutMs?: number;
  readonly cancelAfterMs?: number;
  readonly withinMs?: number;
  readonly items?: string;
  readonly count?: number;
}

const JOB = { trigger: { onDemand: {} }, maxConcurrentRuns: 100, workload: { command: { argv: ['true'] } } };

function at(value: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
  return path.reduce<JsonValue | undefined>((inner, key) => (Object(inner) as JsonObject)[key], value);
}

/** One case: what it keeps from answers, and what came of its steps beside what was wanted of them. */
export class Player {
  readonly id = `c-${randomUUID().slice(0, 8)}`;
  readonly wanted: object[] = [];
  readonly got: object[] = [];
  readonly #kept: Record<string, JsonValue> = { id: this.id, job: { name: `policies/${this.id}`, ...JOB } };

  /** `$name` is what was kept under it, alone as it is, within a text as a text. */
  fill(value: JsonValue): JsonValue {
    if (typeof value === 'string') {
      const whole = /^\$(\w+)$/.exec(value)?.[1];
      if (whole !== undefined) return this.#kept[whole] ?? null;
      return value.replaceAll(/\$(\w+)/g, (_all, name: string) => textOf(this.#kept[name]));
    }
    if (Array.isArray(value)) return value.map((item) => this.fill(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, this.fill(inner)]));
  }

  #filled(value: JsonObject | undefined): JsonObject {
    return Object(this.fill(value ?? {}));
  }

  note(got: object, wanted: object): void {
    this.got.push(got);
    this.wanted.push(wanted);
  }

  async play(client: SdkClient, steps: readonly Step[] = []): Promise<void> {
    for (const step of steps) {
      const beganMs = performance.now();
      if (step.list !== undefined) await this.#list(client, step.list, step);
      else if (step.fence !== undefined) {
        this.note(await client.fence(this.#filled(step.fence)), this.#filled(step.told));
      } else await this.#call(client, step.call ?? '', step);
      if (step.withinMs === undefined) continue;
      this.note({ inTime: performance.now() - beganMs < step.withinMs }, { inTime: true });
    }
  }

  async #call(client: SdkClient, method: string, step: Step): Promise<void> {
    const { timeoutMs, cancelAfterMs, failed, refused } = step;
    const outcome = await client.call(method, this.#filled(step.request), {
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(cancelAfterMs === undefined ? {} : { cancelAfterMs }),
    });
    if (failed !== undefined) this.note(outcome, { failed });
    else if (refused !== undefined) this.note(outcome, { refused: this.#filled(refused) });
    else this.note(outcome, { answer: this.#filled(step.answer) });
    for (const [name, path] of Object.entries(step.keep ?? {})) {
      this.#kept[name] = at('answer' in outcome ? outcome.answer : {}, path) ?? null;
    }
  }

  async #list(client: SdkClient, method: string, { request, items = '', count }: Step): Promise<void> {
    const names = await client.list(method, this.#filled(request), items);
    this.note({ found: names.length, different: new Set(names).size }, { found: count, different: count });
  }
}

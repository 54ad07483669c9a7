/** The steps of sdk/conformance/cases.json, taken with the SDK for TypeScript. */
import { randomUUID } from 'node:crypto';
import { fromJson, type JsonObject, type JsonValue, toJson } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { errorOf } from '../../sdk/typescript/client.ts';
import { eachItem } from '../../sdk/typescript/pages.ts';
import type { ClosableTransport } from '../../sdk/typescript/transport.ts';
import { services } from '../e2e/every-method.ts';

export interface Step {
  readonly call?: string;
  readonly list?: string;
  readonly request: JsonObject;
  readonly answer?: JsonObject;
  readonly keep?: Readonly<Record<string, readonly string[]>>;
  readonly refused?: JsonObject;
  readonly failed?: 'DEADLINE_EXCEEDED' | 'CANCELLED';
  readonly timeoutMs?: number;
  readonly cancelAfterMs?: number;
  readonly items?: string;
  readonly count?: number;
}

const JOB = { trigger: { onDemand: {} }, maxConcurrentRuns: 100, workload: { command: { argv: ['true'] } } };
const FAILED = { DEADLINE_EXCEEDED: Code.DeadlineExceeded, CANCELLED: Code.Canceled } as const;

function at(value: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
  return path.reduce<JsonValue | undefined>((inner, key) => (Object(inner) as JsonObject)[key], value);
}

function textAt(value: JsonValue, path: readonly string[]): string {
  const found = at(value, path);
  return typeof found === 'string' ? found : '';
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
      return value.replaceAll(/\$(\w+)/g, (_all, name: string) => textAt(this.#kept, [name]));
    }
    if (Array.isArray(value)) return value.map((item) => this.fill(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, this.fill(inner)]));
  }

  async call(transport: ClosableTransport, name: string, step: Step): Promise<JsonValue> {
    const method = services.flatMap((service) => service.methods).find((each) => each.name === name);
    if (method?.methodKind !== 'unary') throw new Error(`${name} is no method with one answer`);
    const giving = new AbortController();
    const timer = step.cancelAfterMs === undefined ? undefined : setTimeout(() => giving.abort(), step.cancelAfterMs);
    try {
      const request = fromJson(method.input, this.fill(step.request));
      const { message } = await transport.unary(
        { ...method, methodKind: 'unary' },
        giving.signal,
        step.timeoutMs,
        undefined,
        request,
      );
      return toJson(method.output, message);
    } finally {
      clearTimeout(timer);
    }
  }

  note(got: object, wanted: object): void {
    this.got.push(got);
    this.wanted.push(wanted);
  }

  async play(transport: ClosableTransport, steps: readonly Step[] = []): Promise<void> {
    for (const step of steps)
      await (step.list === undefined ? this.#single(transport, step) : this.#list(transport, step));
  }

  async #single(transport: ClosableTransport, step: Step): Promise<void> {
    const outcome = await this.call(transport, step.call ?? '', step).catch((error: unknown) => ({ error }));
    const failure = typeof outcome === 'object' && outcome !== null && 'error' in outcome ? outcome.error : undefined;
    if (step.failed !== undefined) {
      const code = failure instanceof ConnectError ? failure.code : failure;
      this.note({ code, answer: errorOf(failure) }, { code: FAILED[step.failed], answer: undefined });
    } else if (step.refused !== undefined) {
      const { reason, resource, fieldViolations } = errorOf(failure) ?? {};
      this.note({ reason, resource, fieldViolations }, Object(this.fill(step.refused)));
    } else {
      if (failure !== undefined) throw failure;
      this.note(Object(outcome), Object(this.fill(step.answer ?? {})));
      for (const [name, path] of Object.entries(step.keep ?? {})) {
        this.#kept[name] = at(outcome as JsonValue, path) ?? null;
      }
    }
  }

  async #list(transport: ClosableTransport, step: Step): Promise<void> {
    const read = async (pageToken: string) => {
      const page = await this.call(transport, step.list ?? '', { request: { ...step.request, pageToken } });
      const items = (at(page, [step.items ?? '']) ?? []) as JsonObject[];
      return { items, nextPageToken: textAt(page, ['nextPageToken']) };
    };
    const names = new Set<JsonValue | undefined>();
    let found = 0;
    for await (const { name } of eachItem(read, ({ items }) => items)) {
      names.add(name);
      found += 1;
    }
    this.note({ found, different: names.size }, { found: step.count, different: step.count });
  }
}

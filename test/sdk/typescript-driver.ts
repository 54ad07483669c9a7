/** The SDK for TypeScript, driven in the process that loads this: a test's own, or a browser's. */
import { fromJson, type JsonObject, toJson } from '@bufbuild/protobuf';
import {
  type CallOptions as CallOptionsOf,
  Code,
  ConnectError,
  createClient,
  type Transport,
} from '@connectrpc/connect';
import { Fence, FencedError } from '../../sdk/typescript/fence.ts';
import { followEvents } from '../../sdk/typescript/follow-events.ts';
import { eachItem } from '../../sdk/typescript/pages.ts';
import type { ClosableTransport } from '../../sdk/typescript/repeated-calls.ts';
import { followResources, type ResourceMessage } from '../../sdk/typescript/resume.ts';
import { errorOf } from '../../sdk/typescript/services.ts';
import { UnreachableError } from '../../sdk/typescript/unreachable-error.ts';
import { present } from '../../shared/assert.ts';
import { EventService } from '../../shared/gen/locum/v1/event_service_pb.ts';
import { FenceService } from '../../shared/gen/locum/v1/fence_service_pb.ts';
import { PolicyService } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { PoolService } from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { methodNamed } from '../e2e/every-method.ts';
import type { CallOptions, Outcome, SdkClient, Told } from './driver.ts';
import { serviceOf, textOf } from './method-names.ts';

export function clientOver(transport: ClosableTransport): SdkClient {
  return {
    call: (method, request, options) => outcomeOf(call(transport, method, request, options)),
    list: async (method, request, items) => {
      const read = async (pageToken: string) => {
        const page = Object(await call(transport, method, { ...request, pageToken }));
        return { items: (page[items] ?? []) as JsonObject[], nextPageToken: String(page['nextPageToken'] ?? '') };
      };
      const names: string[] = [];
      for await (const { name } of eachItem(read, (page) => page.items)) names.push(textOf(name));
      return names;
    },
    follow: async (about, after, onEvent) => {
      const ending = new AbortController();
      const client = createClient(EventService, transport);
      const following = (async () => {
        for await (const { event } of followEvents({ client, about, after, signal: ending.signal })) {
          if (event !== undefined) onEvent(event.name);
        }
      })();
      following.catch(() => undefined);
      return async () => {
        ending.abort();
        await following;
      };
    },
    watch: async (method, onTold) => {
      const ending = new AbortController();
      const watching = watch(transport, method, ending.signal, onTold);
      watching.catch(() => undefined);
      return async () => {
        ending.abort();
        await watching;
      };
    },
    fence: (env) => fence(transport, env),
    close: () => Promise.resolve(transport.close()),
  };
}

const WATCHES: Readonly<
  Record<string, (over: Transport, revision: bigint, options: CallOptionsOf) => AsyncIterable<ResourceMessage>>
> = {
  WatchPolicies: (over, revision, options) => createClient(PolicyService, over).watchPolicies({ revision }, options),
  WatchRuns: (over, revision, options) => createClient(RunService, over).watchRuns({ revision }, options),
  WatchServers: (over, revision, options) => createClient(ServerService, over).watchServers({ revision }, options),
  WatchPools: (over, revision, options) => createClient(PoolService, over).watchPools({ revision }, options),
};

async function watch(
  transport: Transport,
  method: string,
  signal: AbortSignal,
  onTold: (told: Told) => void,
): Promise<void> {
  const start = present(WATCHES[method], `${method} as a watch`);
  const open = (revision: bigint) => start(transport, revision, { signal });
  for await (const { change } of followResources({ open, signal })) {
    if (typeof change.value === 'string') onTold({ deleted: change.value });
    else if (change.value !== undefined) onTold({ changed: change.value.name });
  }
}

async function call(
  transport: ClosableTransport,
  name: string,
  request: JsonObject,
  { timeoutMs, cancelAfterMs }: CallOptions = {},
): Promise<JsonObject> {
  const method = methodNamed(`${serviceOf(name)}/${name}`);
  if (method.methodKind !== 'unary') throw new Error(`${name} is no method with one answer`);
  const giving = new AbortController();
  const timer = cancelAfterMs === undefined ? undefined : setTimeout(() => giving.abort(), cancelAfterMs);
  try {
    const input = fromJson(method.input, request);
    const unary = { ...method, methodKind: 'unary' as const };
    const { message } = await transport.unary(unary, giving.signal, timeoutMs, undefined, input);
    return Object(toJson(method.output, message));
  } finally {
    clearTimeout(timer);
  }
}

async function outcomeOf(calling: Promise<JsonObject>): Promise<Outcome> {
  try {
    return { answer: await calling };
  } catch (error) {
    const known = errorOf(error);
    if (known !== undefined) {
      const { reason, resource = '', fieldViolations } = known;
      return { refused: { reason, resource, fieldViolations: fieldViolations.map((each) => ({ ...each })) } };
    }
    if (error instanceof UnreachableError) return { failed: 'UNREACHABLE' };
    if (!(error instanceof ConnectError)) throw error;
    return { failed: error.code === Code.Canceled ? 'CANCELLED' : snakeCase(Code[error.code]) };
  }
}

/** As gRPC writes the names of its codes. */
const snakeCase = (name: string): string => name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();

async function fence(transport: ClosableTransport, env: JsonObject): Promise<JsonObject> {
  const texts = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, textOf(value)]));
  let made: Fence;
  try {
    made = new Fence({ fences: createClient(FenceService, transport), env: texts });
  } catch {
    return { outside: true };
  }
  const context = { policy: made.policy, run: made.run, epoch: String(made.token) };
  try {
    await made.assertCurrent();
    return { context, verdict: 'current' };
  } catch (error) {
    if (error instanceof FencedError) return { context, verdict: 'fenced' };
    throw error;
  }
}

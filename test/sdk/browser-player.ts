/** Runs in a page: the SDK for browsers, as the driver of the list of conformance wants it. */
import type { JsonObject } from '@bufbuild/protobuf';
import { openWebTransport } from '../../sdk/typescript/browser.ts';
import type { CallOptions, Outcome, SdkClient } from './driver.ts';
import { clientOver } from './typescript-driver.ts';

/** What crosses from the test to the page and back, which takes JSON only. `object` is one of JSON: its own type is endless to the compiler. */
export interface PagePlayer {
  readonly connect: (options: { origins: readonly string[]; timeoutMs: number; token?: string }) => number;
  readonly call: (client: number, method: string, request: object, options?: CallOptions) => Promise<Outcome>;
  readonly list: (client: number, method: string, request: object, items: string) => Promise<readonly string[]>;
  readonly follow: (client: number, about: string, after: string) => Promise<number>;
  /** What it tells comes as JSON. */
  readonly watch: (client: number, method: string) => Promise<number>;
  readonly end: (following: number) => Promise<void>;
  readonly fence: (client: number, env: object) => Promise<JsonObject>;
  readonly close: (client: number) => Promise<void>;
}

declare global {
  var player: PagePlayer;
  /** The test's. */
  var onEvent: (following: number, name: string) => void;
}

const clients: SdkClient[] = [];
const ends: (() => Promise<void>)[] = [];

function client(id: number): SdkClient {
  const found = clients[id];
  if (found === undefined) throw new RangeError(`no client ${id}`);
  return found;
}

globalThis.player = {
  connect: (options) => clients.push(clientOver(openWebTransport(options))) - 1,
  call: (id, method, request, options) => client(id).call(method, Object(request), options),
  list: (id, method, request, items) => client(id).list(method, Object(request), items),
  follow: async (id, about, after) => {
    const following = ends.length;
    const end = await client(id).follow(about, BigInt(after), (name) => globalThis.onEvent(following, name));
    ends.push(end);
    return following;
  },
  watch: async (id, method) => {
    const watching = ends.length;
    const end = await client(id).watch(method, (told) => globalThis.onEvent(watching, JSON.stringify(told)));
    ends.push(end);
    return watching;
  },
  end: async (following) => ends[following]?.(),
  fence: (id, env) => client(id).fence(Object(env)),
  close: (id) => client(id).close(),
};

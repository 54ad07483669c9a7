/** The cases of the list of conformance that read a stream while its connections are cut. */
import type { JsonObject } from '@bufbuild/protobuf';
import { eventually, type Fixture } from '../e2e/cluster-fixture.ts';
import type { Player, Step } from './conformance-player.ts';
import { startCuttingProxy } from './conformance-proxies.ts';
import type { SdkClient, SdkDriver, Told } from './driver.ts';
import { eventsAbout } from './logged-events.ts';
import { nodeDriver } from './node-driver.ts';

export interface Follow {
  readonly changes: readonly string[];
  readonly times: number;
  readonly cuts: number;
}

export interface Watch {
  readonly method: string;
  readonly first: JsonObject;
  readonly meanwhile: readonly Step[];
  readonly then: JsonObject;
}

/** A case, and what it is played with: `open` gives a client of the SDK, or by another driver. */
export interface Streaming {
  readonly player: Player;
  readonly fixture: Fixture;
  readonly open: (options: { readonly addresses: readonly string[] }, by?: SdkDriver) => Promise<SdkClient>;
}

/** Makes changes while the follower's connections are cut, and compares what it saw with the log. */
export async function playFollow({ player, fixture, open }: Streaming, follow: Follow): Promise<void> {
  const { changes, times, cuts } = follow;
  const direct = await open({ addresses: [fixture.cluster.address] }, nodeDriver);
  const proxy = await startCuttingProxy(fixture.cluster.address);
  const policy = `policies/${player.id}`;
  const { position: after } = await fixture.events.listEvents({ pageSize: 1 });
  const seen: string[] = [];
  const follower = await open({ addresses: [proxy.address] });
  const end = await follower.follow(policy, after, (name) => seen.push(name));
  for (let i = 0; i < times; i += 1) {
    for (const change of changes) await direct.call(change, { name: policy });
    if (i % (times / cuts) !== 0) continue;
    const before = proxy.connections();
    await eventually('the follower has seen more', async () => (seen.length > i ? true : undefined));
    proxy.cut();
    await eventually('the follower is back', async () => (proxy.connections() > before ? true : undefined));
  }
  const expected = await eventsAbout(fixture.events, policy, after);
  player.note({ count: expected.length }, { count: times * changes.length });
  await eventually('all are seen', async () => (seen.length >= expected.length ? true : undefined));
  await end();
  player.note(seen, expected);
}

const nameOf = (told: Told): string => ('deleted' in told ? told.deleted : told.changed);

/** Makes changes while the watch can't be open, and notes what it tells of them, and what it tells again. */
export async function playWatch({ player, fixture, open }: Streaming, watch: Watch): Promise<void> {
  const [first, then] = [player.fill(watch.first), () => player.fill(watch.then)];
  const proxy = await startCuttingProxy(fixture.cluster.address);
  const watcher = await open({ addresses: [proxy.address] });
  const told: Told[] = [];
  const end = await watcher.watch(watch.method, (one) => told.push(one));
  const has = (wanted: unknown) => async () =>
    told.some((one) => JSON.stringify(one) === JSON.stringify(wanted)) ? true : undefined;
  await eventually(`${watch.method} tells ${JSON.stringify(first)}`, has(first));
  proxy.block();
  const before = told.length;
  await player.play(await open({ addresses: [fixture.cluster.address] }, nodeDriver), watch.meanwhile);
  proxy.unblock();
  await eventually(`${watch.method} tells ${JSON.stringify(then())}`, has(then()));
  await end();
  const [again] = told.slice(before).filter((one) => JSON.stringify(one) === JSON.stringify(first));
  player.note({ again: again ?? {} }, { again: {} });
  const last = told.findLast((one) => nameOf(one) === nameOf(Object(then())));
  player.note({ last }, { last: Object(then()) });
}

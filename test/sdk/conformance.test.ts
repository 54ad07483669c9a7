/** Plays sdk/conformance/cases.json with the SDK for TypeScript against a real controller. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../../cli/dev/ports.ts';
import { followEvents } from '../../sdk/typescript/follow-events.ts';
import { eachPage } from '../../sdk/typescript/pages.ts';
import { type ClosableTransport, openTransport } from '../../sdk/typescript/transport.ts';
import { EventService } from '../../shared/gen/locum/v1/event_service_pb.ts';
import { type Loss, losingProxy } from '../cli/losing-proxy.ts';
import { eventually, useCluster } from '../e2e/cluster-fixture.ts';
import { ROOT } from '../e2e/locum-command.ts';
import { Player, type Step } from './conformance-player.ts';
import { startCuttingProxy, startSilence } from './conformance-proxies.ts';

interface Follow {
  readonly changes: readonly string[];
  readonly times: number;
  readonly cuts: number;
}

type Through = string | Loss | undefined;

interface Case {
  readonly name: string;
  readonly through?: string | readonly Loss[];
  readonly before?: readonly Step[];
  readonly steps?: readonly Step[];
  readonly after?: readonly Step[];
  readonly follow?: Follow;
}

const CASES: readonly Case[] = JSON.parse(readFileSync(join(ROOT, 'sdk/conformance/cases.json'), 'utf8'));
const TIMEOUT_MS = 20_000;
const LOSSES = 2;

/** A case that says several things between client and controller is played once with each. */
const played = CASES.flatMap((one): { readonly name: string; readonly one: Case; readonly through: Through }[] => {
  if (typeof one.through !== 'object') return [{ name: one.name, one, through: one.through }];
  return one.through.map((loss) => ({ name: `${one.name} (${loss.how} ${loss.when})`, one, through: loss }));
});

describe('the list of conformance, with the SDK for TypeScript', () => {
  const fixture = useCluster([]);

  /** Connections that lost a call of the case that is played. */
  let lost = (): number => 0;

  function open(addresses: readonly string[]): ClosableTransport {
    const transport = openTransport({ addresses, timeoutMs: TIMEOUT_MS });
    onTestFinished(transport.close);
    return transport;
  }

  async function addressesOf(through: Through): Promise<readonly string[]> {
    const { address } = fixture().cluster;
    if (typeof through === 'object') {
      const proxy = await losingProxy(address, through, LOSSES);
      onTestFinished(proxy.close);
      lost = proxy.lost;
      return [proxy.address];
    }
    switch (through) {
      case undefined:
        return [address];
      case 'silence':
        return [await startSilence()];
      case 'silence, then the controller':
        return [await startSilence(), address];
      case 'nobody, then the controller':
        return [`127.0.0.1:${await freePort()}`, address];
      default:
        throw new Error(`nothing is known of "${through}"`);
    }
  }

  /** Makes changes while the follower's connections are cut, and compares what it saw with the log. */
  async function playFollow(player: Player, { changes, times, cuts }: Follow): Promise<void> {
    const direct = open([fixture().cluster.address]);
    const proxy = await startCuttingProxy(fixture().cluster.address);
    const events = createClient(EventService, direct);
    const [policy, pageSize] = [`policies/${player.id}`, 50];
    const { position: after } = await events.listEvents({ pageSize: 1 });
    const through = createClient(EventService, open([proxy.address]));
    const seen: string[] = [];
    const ending = new AbortController();
    const following = (async () => {
      for await (const { event } of followEvents({ client: through, about: policy, after, signal: ending.signal })) {
        if (event !== undefined) seen.push(event.name);
      }
    })();
    for (let i = 0; i < times; i += 1) {
      for (const change of changes) await player.call(direct, change, { request: { name: policy } });
      if (i % (times / cuts) !== 0) continue;
      const before = proxy.connections();
      await eventually('the follower is connected and has seen more', async () => (seen.length > i ? true : undefined));
      proxy.cut();
      await eventually('the follower is back', async () => (proxy.connections() > before ? true : undefined));
    }
    const logged: string[] = [];
    for await (const page of eachPage((pageToken) => events.listEvents({ about: policy, pageToken, pageSize }))) {
      logged.push(...page.events.map(({ name }) => name));
    }
    const expected = logged.reverse().filter((name) => BigInt(name.slice('events/'.length)) > after);
    player.note({ count: expected.length }, { count: times * changes.length });
    await eventually('all are seen', async () => (seen.length >= expected.length ? true : undefined));
    ending.abort();
    await following;
    player.note(seen, expected);
  }

  it.each(played)('$name', async ({ one, through }) => {
    lost = () => 0;
    const player = new Player();
    const direct = open([fixture().cluster.address]);
    await player.play(direct, one.before);
    await player.play(open(await addressesOf(through)), one.steps);
    await player.play(direct, one.after);
    if (one.follow !== undefined) await playFollow(player, one.follow);
    expect(player.wanted.length).toBeGreaterThan(0);
    expect(player.got).toMatchObject(player.wanted);
    expect(lost()).toBe(typeof through === 'object' ? LOSSES : 0);
  });
});

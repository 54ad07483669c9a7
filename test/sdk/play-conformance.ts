/** Plays sdk/conformance/cases.json with one SDK against a real controller. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../../cli/dev/ports.ts';
import { SHORT } from '../../cli/dev/scaled-timers.ts';
import { present } from '../../shared/assert.ts';
import { type Loss, losingProxy } from '../cli/losing-proxy.ts';
import { useCluster } from '../e2e/cluster-fixture.ts';
import { ROOT } from '../e2e/locum-command.ts';
import { Player, type Step } from './conformance-player.ts';
import { startSilence, startUntrusted } from './conformance-proxies.ts';
import type { ConnectOptions, SdkClient, SdkDriver } from './driver.ts';
import { type Follow, playFollow, playWatch, type Streaming, type Watch } from './play-streams.ts';
import type { Provided } from './toolchains.ts';
import { useWhoever } from './whoever.ts';

type Through = string | Loss | undefined;

interface Case {
  readonly name: string;
  readonly through?: string | readonly Loss[];
  readonly before?: readonly Step[];
  readonly steps?: readonly Step[];
  readonly after?: readonly Step[];
  readonly as?: string;
  readonly follow?: Follow;
  readonly watch?: Watch;
}

type Reached = Omit<ConnectOptions, 'timeoutMs'>;

const CASES: readonly Case[] = JSON.parse(readFileSync(join(ROOT, 'sdk/conformance/cases.json'), 'utf8'));
const TIMEOUT_MS = 20_000;
const LOSSES = 2;
const UNTRUSTED = 'a certificate that nobody trusts';
const PROVIDING_TIMEOUT_MS = 400_000;

/** A case that says several things between client and controller is played once with each. */
const played = CASES.flatMap((one): { readonly name: string; readonly one: Case; readonly through: Through }[] => {
  if (typeof one.through !== 'object') return [{ name: one.name, one, through: one.through }];
  return one.through.map((loss) => ({ name: `${one.name} (${loss.how} ${loss.when})`, one, through: loss }));
});

export interface Playing {
  /** What the controller is started with besides. Default: as `useCluster`. */
  readonly controllerFlags?: () => readonly string[];
  /** Why these cases can't be had of this SDK, by what `through` says of them. Default: all can. */
  readonly without?: Readonly<Record<string, string>>;
}

/** `provide` may build the SDK. Where it says why it can't, all cases are skipped with that. */
export function playConformance(
  language: string,
  provide: () => Provided,
  { without = {}, ...controllers }: Playing = {},
): void {
  describe(`the list of conformance, with the SDK for ${language}`, () => {
    const fixture = useCluster([], SHORT, controllers);
    const whoever = useWhoever();
    let provided: Provided | undefined;
    let driver: SdkDriver | undefined;
    /** Connections that lost a call of the case that is played. */
    let lost = (): number => 0;

    beforeAll(() => {
      provided = provide();
      driver = provided.start?.();
    }, PROVIDING_TIMEOUT_MS);
    afterAll(() => driver?.stop());
    beforeEach((ctx) => {
      if (provided?.missing !== undefined) ctx.skip(provided.missing);
    });

    async function open(options: Reached, by = driver): Promise<SdkClient> {
      const client = await present(by, 'a driver').connect({ ...options, timeoutMs: TIMEOUT_MS });
      onTestFinished(client.close);
      return client;
    }

    async function reached(through: Through): Promise<Reached> {
      const { address } = fixture().cluster;
      if (typeof through === 'object') {
        const proxy = await losingProxy(address, through, LOSSES);
        onTestFinished(proxy.close);
        lost = proxy.lost;
        return { addresses: [proxy.address] };
      }
      switch (through) {
        case undefined:
          return { addresses: [address] };
        case 'silence':
          return { addresses: [await startSilence()] };
        case 'nobody':
          return { addresses: [`127.0.0.1:${await freePort()}`] };
        case 'silence, then the controller':
          return { addresses: [await startSilence(), address] };
        case 'nobody, then the controller':
          return { addresses: [`127.0.0.1:${await freePort()}`, address] };
        case UNTRUSTED:
          return { addresses: [await startUntrusted()], tls: true };
        default:
          throw new Error(`nothing is known of "${through}"`);
      }
    }

    it.for(played)('$name', async ({ one, through }, ctx) => {
      const why = without[one.as ?? (typeof through === 'string' ? through : '')];
      if (why !== undefined) ctx.skip(why);
      if (through === UNTRUSTED && spawnSync('openssl', ['version']).status !== 0)
        ctx.skip('certificates need openssl');
      lost = () => 0;
      const player = new Player();
      const direct = await open({ addresses: [fixture().cluster.address] });
      await player.play(direct, one.before);
      await player.play(await open(one.as === undefined ? await reached(through) : whoever(one.as)), one.steps);
      await player.play(direct, one.after);
      const streaming: Streaming = { player, fixture: fixture(), open };
      if (one.follow !== undefined) await playFollow(streaming, one.follow);
      if (one.watch !== undefined) await playWatch(streaming, one.watch);
      expect(player.wanted.length).toBeGreaterThan(0);
      expect(player.got).toMatchObject(player.wanted);
      expect(lost()).toBe(typeof through === 'object' ? LOSSES : 0);
    });
  });
}

/** The metrics of a real controller, as Prometheus itself takes them. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePort } from '../../cli/dev/ports.ts';
import { eventually, inWorld } from '../controller/controller-world.ts';
import { findProgram } from '../rpc/foreign-client.ts';

const RULES = join(import.meta.dirname, '../../deploy/prometheus/locum-alerts.yaml');

interface QueryAnswer {
  readonly data: { readonly result: readonly { readonly metric: object; readonly value: readonly [number, string] }[] };
}

interface RulesAnswer {
  readonly data: {
    readonly groups: readonly { readonly rules: readonly { readonly name: string; readonly health: string }[] }[];
  };
}

describe('the metrics of a controller', () => {
  it('are names and types that promtool finds nothing wrong with', (ctx) => {
    const promtool = findProgram('promtool') ?? ctx.skip('there is no promtool on PATH');
    return inWorld(async (world) => {
      await world.liveAgent('web-1');
      const page = await (await fetch(`http://${world.controller.apiAddress}/metrics`)).text();
      // Of the names that the client library gives to what is Node's own it has something to say.
      const ours = page.split('\n').filter((line) => !/^(# (HELP|TYPE) )?nodejs_/.test(line));
      expect(execFileSync(promtool, ['check', 'metrics'], { input: ours.join('\n'), encoding: 'utf8' })).toBe('');
    })();
  });

  it('are scraped by a Prometheus, whose rules they feed', (ctx) => {
    const prometheus = findProgram('prometheus') ?? ctx.skip('there is no prometheus on PATH');
    return inWorld(async (world) => {
      await world.liveAgent('web-1');
      const config = join(world.folder, 'prometheus.yaml');
      const scrape = `{ job_name: locum, static_configs: [{ targets: ['${world.controller.apiAddress}'] }] }`;
      writeFileSync(
        config,
        `global: { scrape_interval: 1s, evaluation_interval: 1s }\nscrape_configs: [${scrape}]\nrule_files: [${RULES}]\n`,
      );
      const data = join(world.folder, 'data');
      mkdirSync(data);
      const address = `127.0.0.1:${await freePort()}`;
      const flags = [`--config.file=${config}`, `--storage.tsdb.path=${data}`, `--web.listen-address=${address}`];
      const child = spawn(prometheus, flags, { stdio: 'ignore' });
      const ended = once(child, 'exit');
      try {
        const asked = async <T>(path: string): Promise<T | undefined> =>
          fetch(`http://${address}${path}`).then(
            async (response) => (response.ok ? ((await response.json()) as T) : undefined),
            () => undefined,
          );
        const query = async (text: string) => {
          const answer = await asked<QueryAnswer>(`/api/v1/query?query=${encodeURIComponent(text)}`);
          return answer?.data.result[0]?.value[1];
        };
        await eventually(async () => ((await query('locum_leader')) === '1' ? true : undefined));
        expect(await query('locum_servers{liveness="ALIVE"}')).toBe('1');
        expect(await query('sum(locum_deviations)')).toBe('0');
        const rules = await eventually(async () => {
          const found = (await asked<RulesAnswer>('/api/v1/rules'))?.data.groups.flatMap((group) => group.rules);
          return found?.some(({ health }) => health === 'unknown') ? undefined : found;
        });
        expect(rules.length).toBeGreaterThan(10);
        expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
      } finally {
        child.kill('SIGTERM');
        await ended;
      }
    })();
  }, 60_000);
});

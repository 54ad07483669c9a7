import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DEVIATION_REASONS } from '../../controller/core/records/deviation-reason.ts';
import { RUN_REASONS } from '../../controller/core/records/run-reason.ts';
import { ControllerMetrics } from '../../controller/metrics.ts';
import { agentMetrics } from '../../scripts/metrics-page.ts';
import { findProgram } from '../rpc/foreign-client.ts';

const ROOT = join(import.meta.dirname, '../..');
const RULES = join(ROOT, 'deploy/prometheus/locum-alerts.yaml');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

const groups: { readonly groups: readonly { readonly rules: readonly Rule[] }[] } = parse(readFileSync(RULES, 'utf8'));
const rules = groups.groups.flatMap((group) => group.rules);
const board: { readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[] } = JSON.parse(
  readFileSync(join(ROOT, 'deploy/grafana/locum.json'), 'utf8'),
);
const expressions = [
  ...rules.map(({ expr }) => expr),
  ...board.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
];

describe('alerts and the board', () => {
  it('ask for metrics that a controller or an agent shows', async () => {
    const page = `${await new ControllerMetrics().registry.metrics()}\n${await agentMetrics().registry.metrics()}`;
    const shown = new Set(
      [...page.matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, name, type]) =>
        type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
      ),
    );
    const asked = expressions.flatMap((text) => text.match(/\b(?:locum|process)_\w+/g) ?? []);
    expect(asked.length).toBeGreaterThan(20);
    expect(asked.filter((name) => !shown.has(name))).toEqual([]);
  });

  it('ask for reasons that there are', () => {
    const asked = expressions.flatMap((text) => text.match(/reason=~?"([^"]+)"/)?.[1]?.split('|') ?? []);
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.filter((word) => !Object.hasOwn({ ...DEVIATION_REASONS, ...RUN_REASONS }, word))).toEqual([]);
  });

  it('have an entry in the runbook for each, and it none besides', () => {
    const page = readFileSync(join(ROOT, 'docs/runbook.md'), 'utf8');
    const entries = [...page.matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
    expect(rules.map(({ alert }) => alert)).toEqual(entries);
    for (const { alert, annotations } of rules) {
      expect(annotations.runbook).toBe(`docs/runbook.md#${alert.toLowerCase()}`);
      expect(annotations.summary).toMatch(/\.$/);
    }
  });

  it('are rules that Prometheus takes', (ctx) => {
    const promtool = findProgram('promtool') ?? ctx.skip('there is no promtool on PATH');
    const said = execFileSync(promtool, ['check', 'rules', RULES], { encoding: 'utf8' });
    expect(said).toContain(`SUCCESS: ${rules.length} rules found`);
  });

  it('are in a configuration of Prometheus, whose jobs are those that they name', (ctx) => {
    const file = join(ROOT, 'deploy/prometheus/prometheus.yaml');
    const { scrape_configs: jobs }: { readonly scrape_configs: readonly { readonly job_name: string }[] } = parse(
      readFileSync(file, 'utf8'),
    );
    const named = expressions.flatMap((text) => text.match(/(?<=job=")[\w-]+/g) ?? []);
    expect(jobs.map(({ job_name: name }) => name)).toEqual(expect.arrayContaining([...new Set(named)]));
    const promtool = findProgram('promtool') ?? ctx.skip('there is no promtool on PATH');
    // The files of tokens and authorities are those of whoever takes it over.
    const words = ['check', 'config', '--syntax-only', file];
    expect(execFileSync(promtool, words, { encoding: 'utf8' })).toContain('is valid prometheus config file syntax');
  });
});

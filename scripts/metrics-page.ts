/** The text of docs/reference/metrics.md: every metric of a controller, from the registry that `/metrics` prints. `npm run generate` writes it. */
import { ControllerMetrics } from '../controller/metrics.ts';

const INTRODUCTION = `# Reference of the metrics

Printed from the controller's own registry by \`npm run generate\`. Every controller has them at \`/metrics\`, for who
has \`metrics.read\`; gauges of the cluster are the leader's, and 0 or absent elsewhere. No id of a run, a policy or a server is a label, since
their number has no bound. What to alert on, and what to do then: [runbook](../runbook.md). Of a histogram there are \`_bucket\`, \`_sum\` and
\`_count\`.`;

/** As the text format says it: `# HELP name words`, `# TYPE name kind`. */
async function told(): Promise<readonly { readonly name: string; readonly help: string; readonly kind: string }[]> {
  const text = await new ControllerMetrics().registry.metrics();
  const kinds = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', kind = '']) => [name, kind]));
  return [...text.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, name = '', help = '']) => ({
    name,
    help,
    kind: kinds.get(name) ?? '',
  }));
}

export async function metricsPage(): Promise<string> {
  const all = (await told()).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const table = (own: boolean): string => {
    const rows = all.filter(({ name }) => name.startsWith('locum_') === own);
    return [
      '| name | kind | what it is |',
      '|---|---|---|',
      ...rows.map(({ name, kind, help }) => `| \`${name}\` | ${kind} | ${help} |`),
    ].join('\n');
  };
  return `${[INTRODUCTION, '## Of Locum', table(true), '## Of the process', table(false)].join('\n\n')}\n`;
}

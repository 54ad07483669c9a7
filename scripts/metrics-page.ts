/** The text of docs/reference/metrics.md: every metric, from the registries that `/metrics` prints. `npm run generate` writes it. */

import { createAgent } from '../agent/core/state.ts';
import { AgentMetrics } from '../agent/metrics/agent-metrics.ts';
import { ControllerMetrics } from '../controller/metrics.ts';
import { poolId, serverId } from '../shared/ids.ts';

const INTRODUCTION = `# Reference of the metrics

Printed from the registries of controller and agent by \`npm run generate\`. Every controller has its metrics at \`/metrics\`, for who
has \`metrics.read\`; gauges of the cluster are the leader's, and 0 or absent elsewhere. An agent has its own where \`metrics_listen\` says so, for
who shows its token ([operations](../operations.md#metrics-of-agents)). No id of a run, a policy or a server is a label, since
their number has no bound. What to alert on, and what to do then: [runbook](../runbook.md). Of a histogram there are \`_bucket\`, \`_sum\` and
\`_count\`.`;

interface Told {
  readonly name: string;
  readonly help: string;
  readonly kind: string;
}

/** As the text format says it: `# HELP name words`, `# TYPE name kind`. */
function toldIn(text: string): readonly Told[] {
  const kinds = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', kind = '']) => [name, kind]));
  const told = [...text.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, name = '', help = '']) => ({
    ...{ name, help, kind: kinds.get(name) ?? '' },
  }));
  return told.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Of an agent that has not begun. */
export function agentMetrics(): AgentMetrics {
  const host = { server: serverId('web-1'), pool: poolId('default'), instanceId: '', machineId: '', bootId: '' };
  const options = { endpoints: [], maxSlots: undefined, uid: '', clusterId: '', highestTerm: 0, seed: 1 };
  const now = { mono: 0, boot: 0, wall: 0, vmGeneration: undefined };
  return new AgentMetrics({
    state: createAgent({ ...options, host: { ...host, agentVersion: '' } }, now),
    ...{ now: () => now, diskStalls: () => false, certificateEndsMs: () => undefined },
    info: { server: 'web-1', pool: 'default', version: '', runtime: '' },
  });
}

export async function metricsPage(): Promise<string> {
  const controller = toldIn(await new ControllerMetrics().registry.metrics());
  const agent = toldIn(await agentMetrics().registry.metrics());
  const isOwn = ({ name }: Told): boolean => name.startsWith('locum_');
  const table = (rows: readonly Told[]): string =>
    [
      '| name | kind | what it is |',
      '|---|---|---|',
      ...rows.map(({ name, kind, help }) => `| \`${name}\` | ${kind} | ${help} |`),
    ].join('\n');
  const parts = ['## Of controllers', table(controller.filter(isOwn)), '## Of agents', table(agent.filter(isOwn))];
  const processes = ['## Of the process, of either', table(controller.filter((told) => !isOwn(told)))];
  return `${[INTRODUCTION, ...parts, ...processes].join('\n\n')}\n`;
}

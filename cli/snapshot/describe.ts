/** One sentence about a snapshot. */
import { count } from '../../shared/count.ts';
import type { Snapshot } from '../../shared/gen/locum/store/v1/snapshot_pb.ts';
import { moment } from '../output/words.ts';

const ONE: Readonly<Record<string, string>> = {
  events: 'event',
  hooks: 'hook',
  policies: 'policy',
  pools: 'pool',
  requests: 'request',
  runs: 'run',
  servers: 'server',
};

export function describeSnapshot({ clusterId, incarnation, term, createTime, records }: Snapshot): string {
  const counts = new Map<string, number>();
  for (const { key } of records) {
    const folder = key.split('/')[0] ?? key;
    if (folder !== 'meta') counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  const said = [...counts].map(([folder, n]) => count(n, ONE[folder] ?? folder, folder)).join(', ');
  return `${said}; cluster ${clusterId}, incarnation ${incarnation}, term ${term}, ${moment(createTime)}.`;
}

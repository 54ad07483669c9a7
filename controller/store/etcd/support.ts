/** Which etcd versions are good enough, and what to say of one that is not. */
import { Maintenance } from '../../../shared/gen/etcdserverpb/rpc_pb.ts';
import type { EtcdClient } from './client.ts';

/** The first release of each line without known faults in what Locum rests on. */
const FIRST_GOOD: ReadonlyMap<string, number> = new Map([
  ['3.5', 33],
  ['3.6', 14],
  ['3.7', 1],
]);

/** What to warn of, or undefined for a supported version. Lines newer than those known are taken for good. */
export function versionWarning(address: string, version: string): string | undefined {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  const upgrade = `Upgrade to ${[...FIRST_GOOD].map(([line, first]) => `${line}.${first}`).join(', ')} or later.`;
  if (patch === undefined) return `etcd at ${address} says it is version "${version}", which is not known. ${upgrade}`;
  const first = FIRST_GOOD.get(`${major}.${minor}`);
  const isNewer = Number(major) > 3 || (major === '3' && Number(minor) > 7);
  if (isNewer || (first !== undefined && Number(patch) >= first)) return undefined;
  return `etcd at ${address} is version ${version}, which is too old for production. ${upgrade}`;
}

/** Asks every member that answers; one line for each that is too old. */
export async function supportWarnings(client: EtcdClient): Promise<string[]> {
  const answers = await client.onEach(Maintenance.method.status, {});
  return answers.flatMap(([address, result]) => {
    const warning = result.status === 'fulfilled' ? versionWarning(address, result.value.version) : undefined;
    return warning === undefined ? [] : [warning];
  });
}

/** Whoever was refused is in the audit, as often as he was: but for what a controller had not handed over when it died. And the event log has word of it. */
import type { ClusterState } from '../../../controller/core/cluster/cluster.ts';
import type { World } from '../world.ts';

export function checkDenials({ controllers, restoredAt }: World, { audit, events }: ClusterState): readonly string[] {
  const doors = controllers.flatMap(({ door }) => door ?? []);
  const { dropped } = audit.ACCESS;
  // What was told before an older state came back is undone.
  if (doors.length === 0 || restoredAt !== undefined || dropped.number > 0) return [];
  const total = (of: readonly number[]): number => of.reduce((sum, one) => sum + one, 0);
  const noted = total(doors.map((door) => door.noted));
  const unsure = total(doors.map(({ recorder }) => (recorder?.untold ?? 0) + (recorder?.lost ?? 0)));
  const told = total(audit.ACCESS.values().map(({ count }) => count));
  const found: string[] = [];
  if (told > noted) found.push(`the audit has ${told} refusals, and there were ${noted}`);
  if (told < noted - unsure) found.push(`the audit has ${told} refusals of ${noted}; at most ${unsure} could get lost`);
  const [oldest] = [...events];
  const hasWord = [...events].some(({ type }) => type === 'ENTRY_REFUSED');
  const entries = audit.ACCESS.values().filter(({ method }) => method.startsWith('locum.v1.AgentService/'));
  if (entries.length > 0 && !hasWord && oldest?.number === 1)
    found.push(`${told} were refused, and the event log does not say so`);
  return found;
}

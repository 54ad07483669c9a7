import type { PlacementQuery, ServerFacts } from '../../../../controller/core/indexes/placement-query.ts';
import { capabilityMap, satisfies } from '../../../../controller/core/records/capability.ts';
import type { ServerId } from '../../../../shared/ids.ts';

/** Placement by the text of semantics section 8, one server after the other: what the index must agree with (I6, I8). */
export function naiveChoose(
  query: PlacementQuery,
  order: readonly ServerId[],
  servers: ReadonlyMap<ServerId, ServerFacts>,
): ServerId | undefined {
  const eligible = naiveList(query, order).filter((id) => {
    const facts = servers.get(id);
    if (facts === undefined || !order.includes(id)) return false;
    const capabilities = capabilityMap(facts.capabilities);
    if (!query.requirements.every((requirement) => satisfies(requirement, capabilities))) return false;
    if (query.exclude.includes(id) || query.claimed.includes(id)) return false;
    return facts.available && facts.freeSlots >= query.slots;
  });
  // All are skipped: the oldest skip decides, not the rank.
  const rankOfSkip = (id: ServerId): number => query.skip.indexOf(id);
  return eligible.find((id) => rankOfSkip(id) < 0) ?? eligible.toSorted((a, b) => rankOfSkip(a) - rankOfSkip(b))[0];
}

function naiveList({ list, first }: PlacementQuery, order: readonly ServerId[]): readonly ServerId[] {
  const effective = list.goesOn ? [...list.own, ...order] : list.own;
  return first !== undefined && effective.includes(first) ? [first, ...effective] : effective;
}

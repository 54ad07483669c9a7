/** Who a model agent says it is, and what it offers; a scenario may change all of it. */
import type { HelloFacts } from '../../../../controller/core/event.ts';
import type { Uid } from '../../../../shared/ids.ts';

export interface AgentFacts {
  pool: string;
  uid: Uid | undefined;
  instanceId: string;
  machineId: string;
  bootId: string;
  bootMono: number;
  capabilities: HelloFacts['capabilities'];
  maxSlots: number | undefined;
  saturated: boolean;
  highestTerm: number;
  highestEpoch: number;
  clusterId: string;
}

/** Who a model agent says it is, what it offers and what it answers; a scenario may change all of it. */
import type { WholeHello } from '../../../../controller/core/cluster/event.ts';
import type { HostProblemKind } from '../../../../shared/host-problem.ts';
import { poolId, type Uid } from '../../../../shared/ids.ts';
import type { Capacity, HeldCertificate } from '../../../../shared/protocol/agent-message.ts';
import type { CommandOutcome } from '../../../../shared/protocol/command-outcome.ts';

export interface AgentFacts {
  pool: string;
  uid: Uid | undefined;
  instanceId: string;
  machineId: string;
  bootId: string;
  bootMono: number;
  capabilities: WholeHello['capabilities'];
  maxSlots: number | undefined;
  saturated: boolean;
  highestTerm: number;
  highestEpoch: number;
  clusterId: string;
  /** Default: it shows no certificate. */
  certifiedWall?: number;
  certifiedUntilWall?: number;
  /** What its heartbeats say of its certificate, with other changes. Default: nothing. */
  certificate?: HeldCertificate;
  /** Undefined: it never says. */
  hostProblems?: WholeHello['hostProblems'];
  probeFailures?: WholeHello['probeFailures'];
}

/** Its load is nobody's concern. */
export const capacityOf = ({ maxSlots, saturated }: AgentFacts): Capacity => ({
  ...{ maxSlots, saturated, cpuPercent: 0, memoryPercent: 0 },
});

/** What it says of itself at `nowMono`, but for its name and its attempts. */
export function helloOf(facts: AgentFacts, nowMono: number) {
  const { pool, bootMono, maxSlots: _slots, saturated: _load, certificate: _said, ...rest } = facts;
  const uptimeMs = nowMono - bootMono;
  return { ...rest, pool: poolId(pool), uptimeMs, agentVersion: '1', capacity: capacityOf(facts) };
}

export type StartAnswer =
  | { readonly kind: 'applied' }
  /** The program is being started and it takes for ever; nothing is answered. */
  | { readonly kind: 'slow' }
  /** The command is taken in and forgotten. */
  | { readonly kind: 'lost' }
  | {
      readonly kind: 'refused';
      readonly outcome: CommandOutcome;
      readonly reason: string;
      readonly hostProblem?: HostProblemKind | undefined;
    };

/** Who a model agent says it is, what it offers and what it answers; a scenario may change all of it. */
import type { CommandOutcome, HelloFacts } from '../../../../controller/core/cluster/event.ts';
import type { HostProblemKind } from '../../../../shared/host-problem.ts';
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
  /** Undefined: it never says. */
  hostProblems?: HelloFacts['hostProblems'];
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

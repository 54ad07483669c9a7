/** What the tables of events are made of. */
import type { Cause } from './event-cause.ts';

/** As the actor of an event begins: an agent by its word, an operator by a call, and what the leader decides by itself. */
export type ActorKind = 'agent' | 'operator' | 'controller';

/** What is said of an event of a type. */
export interface EventRow {
  readonly says: string;
  readonly actors: readonly ActorKind[];
  readonly causes: readonly Cause[];
}

export const byController = { actors: ['controller'] } as const;
export const byAgent = { actors: ['agent'] } as const;
export const byOperator = { actors: ['operator'], causes: ['OPERATOR'] } as const;

/** Branded ids: the compiler keeps a run id from being used where a server id is meant. All are plain data. */

declare const brand: unique symbol;
type Branded<T, B extends string> = T & { readonly [brand]: B };

/** User-chosen id of a pool, without `pools/`. */
export type PoolId = Branded<string, 'PoolId'>;
/** User-chosen id of a server, without `servers/`. */
export type ServerId = Branded<string, 'ServerId'>;
/** User-chosen id of a policy, without `policies/`. */
export type PolicyId = Branded<string, 'PolicyId'>;
/** Server-made id of a run, without `runs/`: its policy's id and a number. */
export type RunId = Branded<string, 'RunId'>;
/** Server-made identity that is never used again. */
export type Uid = Branded<string, 'Uid'>;
/** Id of one unbroken agent stream: `{term}-{number}`. */
export type SessionId = Branded<string, 'SessionId'>;
/** Fencing token of an attempt: an integer below 2^53, strictly increasing over the cluster. 0: none. */
export type Epoch = Branded<number, 'Epoch'>;
/** Number of a leadership: an integer below 2^53, strictly increasing. 0: none. */
export type Term = Branded<number, 'Term'>;

export const poolId = (id: string) => id as PoolId;
export const serverId = (id: string) => id as ServerId;
export const policyId = (id: string) => id as PolicyId;
export const runId = (id: string) => id as RunId;
export const uid = (id: string) => id as Uid;
export const sessionId = (id: string) => id as SessionId;
export const epoch = (n: number) => n as Epoch;
export const term = (n: number) => n as Term;

export const DEFAULT_POOL = poolId('default');

/** Epochs, terms and uid numbers carry the store's incarnation in their high bits (semantics: C9). */
export const INCARNATION_UNIT = 2 ** 40;

/** Every number of an incarnation (they count from 1) is greater than this, and this is not below any of an earlier life. */
export const firstOfIncarnation = (incarnation: number): number => (incarnation - 1) * INCARNATION_UNIT;

/** The incarnation that a term or epoch was made in. */
export const incarnationOf = (n: number): number => Math.floor(n / INCARNATION_UNIT) + 1;

/**
 * What every store promises, as one suite. An implementation joins by a `StoreKind`: how to make a world (one store, new and
 * empty) and to open handles on it. Nothing here knows which implementation it is looking at.
 */
import { describe } from 'vitest';
import { commitPromises } from './conformance-commits.ts';
import { electionPromises } from './conformance-elections.ts';
import { faultPromises } from './conformance-faults.ts';
import { lifePromises } from './conformance-life.ts';
import { modelPromises } from './conformance-model.ts';
import { presencePromises } from './conformance-presence.ts';
import { watchPromises } from './conformance-watch.ts';
import type { StoreKind } from './store-world.ts';

export function keepsThePromisesOfAStore(kind: StoreKind): void {
  describe(`a ${kind.name} store`, () => {
    lifePromises(kind);
    electionPromises(kind);
    presencePromises(kind);
    commitPromises(kind);
    faultPromises(kind);
    watchPromises(kind);
    modelPromises(kind);
  });
}

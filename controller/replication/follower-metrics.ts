/** What `/metrics` shows of followers. A cluster has a few controllers, so their names may be labels. */
import { Gauge, type Registry } from '@prometheus-io/client';
import type { FollowerCopy } from './follower-copies.ts';

export interface ShownFollowers {
  /** Empty while this controller does not lead. */
  readonly followers: () => readonly FollowerCopy[];
  readonly mono: () => number;
}

export function addFollowerMetrics(registry: Registry, { followers, mono }: ShownFollowers): void {
  const registers = [registry];
  const labelNames = ['controller'];
  new Gauge({
    name: 'locum_follower_copy_age_seconds',
    help: "How old a follower's copy of the store is at most, as the leader knows it; 2 s is what one that keeps up may show.",
    labelNames,
    registers,
    collect() {
      this.reset();
      const now = mono();
      for (const { id, asOfMono } of followers()) this.set({ controller: id }, Math.max(0, now - asOfMono) / 1000);
    },
  });
  new Gauge({
    name: 'locum_follower_behind_revisions',
    help: "How far the revision of a follower's copy was behind that of the store when it reported last.",
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { id, behindRevisions } of followers()) this.set({ controller: id }, behindRevisions);
    },
  });
}

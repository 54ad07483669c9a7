/** A core that notes what it is stepped with and asks for what the test tells it to. */

import { type ClusterState, emptyCluster } from '../../../controller/core/cluster/cluster.ts';
import type { Effect } from '../../../controller/core/cluster/effect.ts';
import type { Event } from '../../../controller/core/cluster/event.ts';
import type { SteppedCore } from '../../../controller/engine/loop.ts';
import type { Now } from '../../../shared/time.ts';

export class FakeCore implements SteppedCore {
  readonly state: ClusterState = emptyCluster('test');
  /** One list of kinds for each flush. */
  readonly turns: string[][] = [];
  readonly times: number[] = [];
  effects: Effect[] = [];
  wakeMono: number | undefined;
  lastCommit = 0;
  durableCommit = 0;
  pendingRecords = 0;
  pendingBytes = 0;
  /** Records that each event writes; they wait until a commit is reported. */
  recordsPerEvent = 0;
  bytesPerEvent = 0;
  fail: Error | undefined;
  #stepped: string[] = [];

  step(event: Event, now: Now): void {
    if (this.fail !== undefined) throw this.fail;
    this.#stepped.push(event.kind);
    this.times.push(now.mono);
    this.pendingRecords += this.recordsPerEvent;
    this.pendingBytes += this.bytesPerEvent;
    if (event.kind === 'committed') {
      this.durableCommit = event.commit;
      this.pendingRecords = 0;
      this.pendingBytes = 0;
    }
    if (event.kind === 'tick') this.wakeMono = undefined;
  }

  flush(): readonly Effect[] {
    this.turns.push(this.#stepped);
    this.#stepped = [];
    return this.effects.splice(0);
  }

  nextWakeMono(): number | undefined {
    return this.wakeMono;
  }
}

export const closed = (conn: number): Event => ({ kind: 'stream_closed', conn });

/** Where a scenario plays: the model world, and what is written down of it. */
import type { Effect } from '../../controller/core/cluster/effect.ts';
import type { ModelAgent, Said } from '../controller/core/world/model-agent.ts';
import { ModelWorld } from '../controller/core/world/model-world.ts';
import { describeMessage, describeResult, describeSaid, describeWrites } from './describe.ts';

export type Traced = 'grants' | 'publish' | 'commits' | 'checks';

export class Stage {
  readonly world: ModelWorld;
  readonly traced = new Set<Traced>();
  #lines: string[] = [];

  constructor() {
    this.world = new ModelWorld({
      onEffect: (effect) => this.#tell(effect),
      onSaid: (agent, said) => this.#tellSaid(agent, said),
    });
  }

  /** Writes a line with its time. */
  print(line: string): void {
    this.#lines.push(`${(this.world.now.mono / 1000).toFixed(3)} ${line}`);
  }

  /** Takes what was written since the last time. */
  takeLines(): readonly string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  #tellSaid(agent: ModelAgent, said: Said): void {
    const line = describeSaid(said);
    if (line !== undefined) this.print(`${agent.server} -> ${line}`);
  }

  #tell(effect: Effect): void {
    switch (effect.kind) {
      case 'persist':
        if (this.traced.has('commits')) this.print(`commit ${effect.commit}: ${effect.writes.length} writes`);
        for (const line of describeWrites(effect.writes)) this.print(`log ${line}`);
        return;
      case 'verify_term':
        if (this.traced.has('checks')) this.print(`check ${effect.check}`);
        return;
      case 'send':
        if (effect.message.kind === 'grant' && !this.traced.has('grants')) return;
        this.print(`${this.#nameOf(effect.conn)} <- ${describeMessage(effect.message)}`);
        return;
      case 'close': {
        const { error } = effect;
        const why = error === undefined ? '' : `: ${error.reason}, ${error.message}`;
        this.print(`${this.#nameOf(effect.conn)} <- close${why}`);
        return;
      }
      case 'reply':
        this.print(describeResult(effect.result));
        return;
      case 'publish':
        if (this.traced.has('publish')) this.print(`publish ${effect.changes.map(({ key }) => key).join(' ')}`);
    }
  }

  /** The agent of a stream. */
  #nameOf(conn: number): string {
    return this.world.agentOf(conn)?.server ?? `stream ${conn}`;
  }
}

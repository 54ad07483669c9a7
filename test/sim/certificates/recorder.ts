/** Brings what a controller noted into the audit, a batch at a time and each under one request_id (controller/access/access-recorder.ts is what ships). */
import type { AuditFacts } from '../../../shared/access/audit-chain.ts';
import { SECOND } from '../../../shared/time.ts';
import type { ControllerNode } from '../controller.ts';
import type { World } from '../world.ts';
import type { Door } from './door.ts';

const LOOK_MS = SECOND;
const PATIENCE_MS = 12 * SECOND;

interface Batch {
  readonly requestId: string;
  readonly facts: readonly AuditFacts[];
  sentAt: number;
}

export class Recorder {
  readonly #world: World;
  readonly #controller: ControllerNode;
  readonly #door: Door;
  #batch: Batch | undefined;
  #batches = 0;
  #life = 0;
  /** Refusals that were noted in a life that is over, and may not have been told. */
  lost = 0;

  constructor(world: World, controller: ControllerNode, door: Door) {
    this.#world = world;
    this.#controller = controller;
    this.#door = door;
  }

  /** Noted, and not known to be in the audit. */
  get untold(): number {
    const waiting = this.#batch?.facts.reduce((sum, { count }) => sum + count, 0) ?? 0;
    return waiting + this.#door.notes.untold;
  }

  begin(): void {
    this.#world.queue.after(LOOK_MS, () => {
      if (this.#controller.isRunning) this.#tell();
      this.begin();
    });
  }

  /** The process is gone, and with it what it had noted. */
  forget(): void {
    this.lost += this.untold;
    this.#batch = undefined;
    this.#life += 1;
  }

  #tell(): void {
    const { queue } = this.#world;
    const leader = this.#world.leader()?.controller;
    if (this.#batch !== undefined && queue.now - this.#batch.sentAt < PATIENCE_MS) return;
    if (leader === undefined) return;
    const facts = this.#batch?.facts ?? this.#door.notes.take(this.#controller.clockNow().mono);
    if (facts.length === 0) return;
    this.#batches += 1;
    const batch = this.#batch ?? {
      requestId: `access-${this.#controller.endpoint}-${this.#batches}`,
      ...{ facts, sentAt: 0 },
    };
    this.#batch = batch;
    batch.sentAt = queue.now;
    const life = this.#life;
    const origin = { method: '', source: '' };
    const request = { kind: 'record_access', facts } as const;
    const { requestId } = batch;
    leader.call(
      { actor: 'controller', origin, requestId, fingerprint: requestId, validateOnly: false, request },
      (result) => {
        if (result.ok && life === this.#life && this.#batch === batch) this.#batch = undefined;
      },
    );
  }
}

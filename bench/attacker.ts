/** One attacker as a process of its own: told what to play, plays it for a while, says how many rounds it were, and ends. */
import { ATTACKS, type AttackTarget, playUntil } from '../test/attack/attackers.ts';

export interface AttackOrder {
  readonly attack: string;
  readonly target: AttackTarget;
  readonly ms: number;
}

async function play({ attack, target, ms }: AttackOrder): Promise<void> {
  const found = ATTACKS[attack];
  const rounds = found === undefined ? 0 : await playUntil(found, target, '127.0.0.2', performance.now() + ms);
  process.send?.(rounds, () => process.exit(0));
}

process.once('message', (order: AttackOrder) => void play(order));
// Its parent is gone: no attack outlives it.
process.once('disconnect', () => process.exit(0));

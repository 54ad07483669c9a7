/** The only performer of the keeper core's effects. It has no choices: it does what it is told, in order, and answers with events. */
import { messageOf } from '../shared/caught-error.ts';
import { hostProblemOf } from '../shared/host-problem-of.ts';
import type { AttemptName } from './core/attempt.ts';
import type { Effect } from './core/effect.ts';
import type { Event, StartRequest } from './core/event.ts';
import { refuse } from './core/refusal.ts';
import type { KeeperState } from './core/state.ts';
import type { AttemptFolders } from './disk/attempt-folders.ts';
import { describeWriteError, type Journal } from './disk/journal.ts';
import type { Driver, Placed } from './drivers/driver.ts';
import type { HostWatch } from './host-watch.ts';
import type { KeeperLog } from './keeper-log.ts';
import type { AgentListener } from './wire/listener.ts';

/** How long leftovers may take to die. Longer than any K in use: what lives then is STUCK. */
const SWEEP_MS = 5_000;

export interface EffectTools {
  readonly state: KeeperState;
  readonly driver: Driver;
  readonly journal: Journal;
  readonly folders: AttemptFolders;
  readonly watch: HostWatch;
  readonly listener: AgentListener;
  readonly log: KeeperLog;
  /** Takes what is answered later. */
  readonly post: (event: Event) => void;
  /** Begins to listen. */
  readonly serve: () => void;
  /** Ends the keeper with an exit code. */
  readonly end: (code: number) => void;
}

/** The loop sees to the wake-ups. */
export type Performed = Exclude<Effect, { kind: 'wake' }>;

/** What is known at once; everything else comes as an event later. */
export function performEffect(effect: Performed, tools: EffectTools): readonly Event[] {
  switch (effect.kind) {
    case 'tell_opened':
    case 'tell_changed':
    case 'tell_problems':
    case 'tell_leaving':
    case 'answer':
    case 'pong':
    case 'disconnect':
      tools.listener.tell(effect);
      return [];
    case 'write':
      void write(effect, tools);
      return [];
    case 'prepare':
      void prepare(effect.start, tools);
      return [];
    case 'open_gate':
    case 'discard':
    case 'terminate':
    case 'kill':
    case 'look':
    case 'remove':
    case 'forget':
      return onAttempt(effect, tools);
    case 'sweep':
      void sweep(tools);
      return [];
    case 'prove_hands':
      return [{ kind: 'hands', agent: effect.agent, problem: tools.driver.proveHands() }];
    case 'serve':
      tools.serve();
      return [];
    case 'log':
      tools.log[effect.level](effect.text);
      return [];
    case 'end':
      tools.end(effect.code);
      return [];
  }
}

type OnAttempt = Extract<
  Effect,
  { readonly kind: 'open_gate' | 'discard' | 'terminate' | 'kill' | 'look' | 'remove' | 'forget' }
>;

/** What the kernel refuses is seen by the next look; here it is only said. */
function onAttempt(effect: OnAttempt, tools: EffectTools): readonly Event[] {
  const { driver, folders, log } = tools;
  const attempt = placed(tools.state, effect.attempt);
  try {
    switch (effect.kind) {
      case 'open_gate':
        driver.openGate(attempt);
        return [];
      case 'discard':
        driver.discard(attempt);
        return [];
      case 'terminate':
        driver.terminate(attempt);
        return [];
      case 'kill':
        driver.kill(attempt);
        return [];
      case 'look':
        return [looked(driver, effect.attempt, attempt)];
      case 'remove':
        driver.remove(attempt);
        return [];
      case 'forget':
        folders
          .forget(attempt, effect.owner)
          .catch((error: unknown) => log.warn(`${effect.attempt}: ${messageOf(error)}`));
        return [];
    }
  } catch (error) {
    log.error(`${effect.kind} of ${effect.attempt} failed: ${messageOf(error)}`);
    return effect.kind === 'look' ? [{ kind: 'looked', attempt: effect.attempt, empty: false }] : [];
  }
}

/** What is empty is about to be taken away, and what its cgroup counted with it. */
function looked(driver: Driver, key: string, attempt: Placed): Extract<Event, { kind: 'looked' }> {
  if (!driver.isEmpty(attempt)) return { kind: 'looked', attempt: key, empty: false };
  return { kind: 'looked', attempt: key, empty: true, memoryKill: driver.memoryKill(attempt) };
}

/** One that was forgotten has no place any more; its key says what it was. */
function placed(state: KeeperState, key: string): Placed {
  const attempt = state.attempts.get(key);
  if (attempt !== undefined) return attempt;
  const at = key.lastIndexOf('-');
  const ref: AttemptName = { run: key.slice(0, at), epoch: Number(key.slice(at + 1)) };
  return { ...ref, place: { pid: 0, startTicks: 0, cgroup: '' } };
}

async function sweep({ driver, post }: EffectTools): Promise<void> {
  try {
    post({ kind: 'swept', left: await driver.sweep(SWEEP_MS), problem: undefined });
  } catch (error) {
    post({ kind: 'swept', left: [], problem: messageOf(error) });
  }
}

async function write({ write: id, record }: Extract<Effect, { kind: 'write' }>, tools: EffectTools): Promise<void> {
  const { journal, watch, log, post } = tools;
  try {
    await journal.append(record);
    if (id !== 0) post({ kind: 'written', write: id, problem: undefined });
  } catch (error) {
    const problem = hostProblemOf(error) ?? { kind: 'IO_ERROR', detail: messageOf(error) };
    watch.suspect();
    log.error(describeWriteError(error));
    if (id !== 0) post({ kind: 'written', write: id, problem });
  }
}

async function prepare(start: StartRequest, { driver, watch, post }: EffectTools): Promise<void> {
  const attempt = `${start.run}-${start.epoch}`;
  const place = await driver.prepare(start).catch((error: unknown) => refuse('SPAWN_FAILED', messageOf(error)));
  if (!('kind' in place)) {
    post({ kind: 'prepared', attempt, place });
    return;
  }
  watch.suspect(place);
  post({ kind: 'not_prepared', attempt, refusal: place });
}

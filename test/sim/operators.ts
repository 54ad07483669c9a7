/**
 * Operators: they call whoever seems to lead, repeat with the same request_id when they hear nothing, and remember what they were
 * told (I10). Calls may be late, and go to leaders that are deposed and do not know.
 */
import type { Call, CallResult, CallValue } from '../../controller/core/cluster/event.ts';
import type { ErrorReason } from '../../shared/errors.ts';
import type { World } from './world.ts';

/** What an operator was told, and when. */
export interface Acknowledged {
  readonly requestId: string;
  readonly request: Call;
  readonly value: CallValue;
  readonly at: number;
}

interface Request {
  readonly id: string;
  readonly request: Call;
  readonly answered: (result: CallResult) => void;
  open: boolean;
  tries: number;
}

const PATIENCE_MS = 12_000;
const RETRY_MS = 700;

export class Operators {
  readonly acknowledged: Acknowledged[] = [];
  /** Every answer to each request_id that said yes: all must be about the same thing. */
  readonly answers = new Map<string, CallValue[]>();
  /** Requests that were made, acknowledged or not. */
  readonly made: { readonly id: string; readonly request: Call }[] = [];
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Calls until there is an answer; `answered` may be called with a refusal. */
  call(request: Call, answered: (result: CallResult) => void = () => {}): void {
    const id = `r${this.made.length + 1}`;
    this.made.push({ id, request });
    this.#world.say('operator', () => `calls ${id} ${JSON.stringify(request)}`);
    this.#try({ id, request, answered, open: true, tries: 0 });
  }

  #try(request: Request): void {
    const { queue, random, controllers } = this.#world;
    const leading = controllers.filter(({ leads, isPaused }) => leads !== undefined && !isPaused);
    const controller = random.operators.pick(leading);
    request.tries += 1;
    const tried = request.tries;
    queue.after(PATIENCE_MS, () => {
      if (request.open && request.tries === tried) this.#try(request);
    });
    if (controller === undefined) return;
    const call = {
      actor: 'operator:sim',
      origin: { method: request.request.kind, source: 'sim' },
      requestId: request.id,
      fingerprint: JSON.stringify(request.request),
      validateOnly: false,
      request: request.request,
    };
    controller.call(call, (result) =>
      queue.after(random.operators.float() * 20, () => this.#hear(request, tried, result)),
    );
  }

  #hear(request: Request, tried: number, result: CallResult): void {
    const { queue, random } = this.#world;
    // Answers get lost as well.
    const lost = saysRepeat(result) || random.operators.chance(0.03);
    if (lost) {
      if (request.open && request.tries === tried) queue.after(RETRY_MS, () => request.open && this.#try(request));
      return;
    }
    if (result.ok) {
      const values = this.answers.get(request.id) ?? [];
      this.answers.set(request.id, [...values, result.value]);
    }
    if (!request.open) return;
    request.open = false;
    this.#world.say(
      'operator',
      () => `hears ${request.id}: ${result.ok ? 'done' : `${result.error.reason} ${result.error.message}`}`,
    );
    if (result.ok) {
      this.acknowledged.push({ requestId: request.id, request: request.request, value: result.value, at: queue.now });
    }
    request.answered(result);
  }
}

/** Whoever repeats the call learns what became of it. */
const REPEAT: ReadonlySet<ErrorReason> = new Set<ErrorReason>([
  ...(['NOT_LEADER', 'OUTCOME_UNKNOWN', 'STORE_FULL', 'STORE_UNAVAILABLE', 'OVERLOADED'] as const),
]);

const saysRepeat = (result: CallResult): boolean => !result.ok && REPEAT.has(result.error.reason);

/**
 * What heartbeats tell of a host, no more often than a host changes. Each piece of news is a commit and events, of which the cluster keeps a
 * bounded number: without this one agent that tells something else each time drives the history of all others out of the log within
 * seconds. What comes too fast is not lost and breaks nothing: the newest of it goes with a later heartbeat.
 */
import type { Pace, PaceOptions } from '../../shared/pace.ts';
import type { Heartbeat } from '../../shared/protocol/agent-message.ts';

/** Of one server, over all its streams. An agent looks at its host less often than once a second. */
export const NEWS_PACE: PaceOptions = { burst: 20, everyMs: 2_000 };

type Facts = Pick<Heartbeat, 'capacity' | 'capabilities' | 'probeFailures' | 'hostProblems' | 'certificate'>;

/** Of one stream. */
export class HeldFacts {
  readonly #pace: Pace;
  #held: Facts | undefined;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  /** The heartbeat with what it may tell now: all that is new, or nothing of it. `nowMs`: monotonic. */
  pass(heartbeat: Heartbeat, server: string, nowMs: number): Heartbeat {
    const facts = newest(this.#held, heartbeat);
    if (facts === undefined) return heartbeat;
    const { kind, sequence, generation } = heartbeat;
    if (this.#pace.waitMs(server, nowMs) > 0) {
      this.#held = facts;
      return { kind, sequence, generation, capacity: undefined, capabilities: undefined };
    }
    this.#held = undefined;
    this.#pace.take(server, nowMs);
    return { kind, sequence, generation, ...facts };
  }
}

/** Each is whole, so the later one counts. Undefined: there is none. */
function newest(held: Facts | undefined, now: Facts): Facts | undefined {
  const isNews = now.capacity ?? now.capabilities ?? now.hostProblems ?? now.certificate;
  if (isNews === undefined) return held;
  const { capabilities, probeFailures } = now.capabilities === undefined && held !== undefined ? held : now;
  return {
    capacity: now.capacity ?? held?.capacity,
    ...{ capabilities, probeFailures },
    hostProblems: now.hostProblems ?? held?.hostProblems,
    certificate: now.certificate ?? held?.certificate,
  };
}

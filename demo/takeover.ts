/** Measures a takeover: never before the threshold, and soon after it. */
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Event } from '../shared/gen/locum/v1/event_pb.ts';
import type { Run } from '../shared/gen/locum/v1/run_pb.ts';
import type { Life, Scene } from './picture.ts';
import type { Stage } from './stage.ts';

export interface Takeover {
  readonly run: Run;
  /** Events since the host died. */
  readonly events: readonly Event[];
  readonly from: string;
  readonly killedWallMs: number;
  readonly missingAfterMs: number;
}

/** Generous: a loaded machine must not make the demo fail. The figure itself is what counts. */
const LATEST_MS = 2_500;
/** Wall clocks are read by the controller and by `date`, in whole milliseconds. */
const READING_MS = 2;

/**
 * The threshold is the receive time of the last granted heartbeat plus missing_after: the controller's event says how long the
 * silence had lasted when it was judged, so the receive time follows. The start is the first line of the policy itself.
 * Returns the milliseconds between the two.
 */
export async function checkTakeover(
  stage: Stage,
  { run, events, from, killedWallMs, missingAfterMs }: Takeover,
): Promise<number | undefined> {
  const { timeline } = stage;
  const missing = events.find(({ type, server }) => type === 'SERVER_MISSING' && server === `servers/${from}`);
  const silenceMs = Number(missing?.details['silence_ms']);
  const started = await stage.begun(run);
  if (missing?.time === undefined || !Number.isFinite(silenceMs)) {
    timeline.promise(`${run.name}: its takeover can be measured`, false);
    return undefined;
  }
  const thresholdWallMs = timestampMs(missing.time) - silenceMs + missingAfterMs;
  const afterMs = started.wallMs - thresholdWallMs;
  const afterKillMs = started.wallMs - killedWallMs;
  timeline.promise(
    `never before ${missingAfterMs / 1000} s of silence, and soon after it`,
    afterMs >= -READING_MS && afterMs < LATEST_MS,
    `process started ${afterMs.toFixed(0)} ms after the threshold, ${(afterKillMs / 1000).toFixed(2)} s after the kill`,
  );
  return afterMs;
}

/** What the processes of a run wrote when they began, each with the server that its attempt was for. */
export function livesOf({ witness }: Stage, { name, attempts }: Run, policy: string): readonly Life[] {
  const starts = witness.of(name.slice('runs/'.length)).filter(({ what }) => what === 'start');
  return attempts.flatMap(({ epoch, server }) => {
    const begun = starts.find((said) => said.epoch === epoch);
    return begun === undefined
      ? []
      : [{ policy, server: server.slice('servers/'.length), epoch, startWallMs: begun.wallMs }];
  });
}

/** When the lost server was heard last, and when its silence was called by which name. */
export function silenceIn(
  events: readonly Event[],
): Pick<Scene, 'lastHeartbeatWallMs' | 'suspectWallMs' | 'missingWallMs'> {
  const at = (wanted: string): Event | undefined => events.find(({ type }) => type === wanted);
  const wallOf = (event: Event | undefined): number =>
    event?.time === undefined ? Number.NaN : timestampMs(event.time);
  const missing = at('SERVER_MISSING');
  const missingWallMs = wallOf(missing);
  return {
    lastHeartbeatWallMs: missingWallMs - Number(missing?.details['silence_ms']),
    suspectWallMs: wallOf(at('SERVER_SUSPECT')),
    missingWallMs,
  };
}

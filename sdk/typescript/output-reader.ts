/** The output of an attempt, read over restarts of the controller: a stream that breaks is opened again at the byte where it stopped. */
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { type Client, ConnectError } from '@connectrpc/connect';
import { backoffMs } from '../../shared/backoff.ts';
import type { RunService, StreamOutputResponse } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { mayRepeat } from './may-repeat.ts';
import { RESUME_BACKOFF } from './resume.ts';
import { sleep } from './sleep.ts';
import { UnreachableError } from './unreachable-error.ts';

export interface OutputRequest {
  /** `runs/{run}`. */
  readonly name: string;
  /** 0n: the newest attempt. */
  readonly epoch: bigint;
  /** Negative: that many bytes before the end. */
  readonly offset: bigint;
  readonly follow: boolean;
  /** Only lines that the server read from the program then or later. Undefined: all. */
  readonly sinceTime?: Timestamp | undefined;
  /** Ends before what was read after this. Undefined: goes to the end. */
  readonly untilTime?: Timestamp | undefined;
}

/** How long nobody may be there: longer than a controller's restart and its agents' return, shorter than a person's patience. */
const PATIENCE_MS = 60_000;

/**
 * Ends where the attempt's output ends; without `follow`, at its end as of the request.
 * @throws what no repetition can mend; the last failure after a minute without an answer
 */
export async function* readOutput(
  runs: Pick<Client<typeof RunService>, 'streamOutput'>,
  request: OutputRequest,
  pause: (failures: number) => Promise<unknown> = (failures) =>
    sleep(backoffMs(RESUME_BACKOFF, failures, Math.random())),
): AsyncGenerator<StreamOutputResponse> {
  let { epoch, offset } = request;
  const { name, follow, sinceTime, untilTime } = request;
  const asked = {
    ...{ name, follow },
    ...(sinceTime === undefined ? {} : { sinceTime }),
    ...(untilTime === undefined ? {} : { untilTime }),
  };
  let failures = 0;
  let opened = false;
  let brokenSinceMs: number | undefined;
  for (;;) {
    try {
      for await (const chunk of runs.streamOutput({ ...asked, epoch, offset })) {
        opened = true;
        failures = 0;
        brokenSinceMs = undefined;
        // A newer attempt must not be taken for the one that was begun.
        epoch = chunk.epoch;
        offset = chunk.offset + BigInt(chunk.data.length);
        yield chunk;
      }
      return;
    } catch (error) {
      if (!mayGoOn(error, opened)) throw error;
      brokenSinceMs ??= performance.now();
      if (performance.now() - brokenSinceMs > PATIENCE_MS) throw error;
    }
    await pause(failures);
    failures += 1;
  }
}

/** What was never read from has to be there at once. */
function mayGoOn(error: unknown, opened: boolean): boolean {
  if (error instanceof UnreachableError) return opened;
  if (!(error instanceof ConnectError)) return false;
  // After a restart of the controller its agents need a moment to come back.
  return mayRepeat(error) || (opened && fromConnectError(error)?.reason === 'AGENT_UNREACHABLE');
}

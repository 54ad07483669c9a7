/** Where the last lines of an attempt's output begin. */
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import type { Client } from '@connectrpc/connect';
import type { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { readOutput } from './output-reader.ts';

export interface TailRequest {
  /** `runs/{run}`. */
  readonly name: string;
  /** 0n: the newest attempt. */
  readonly epoch: bigint;
  readonly lines: number;
  /** Of the lines since then. Undefined: of all. */
  readonly sinceTime?: Timestamp | undefined;
  /** Of the lines until then. Undefined: of all. */
  readonly untilTime?: Timestamp | undefined;
}

/** Bytes that are looked at first; four times as many each time that they are too few. */
const FIRST_LOOK = 16 * 1024;
const LF = 0x0a;

/** Offset of the first of the last lines, in bytes; of all output that is kept where that has fewer. The end of the last line may be open. */
export async function tailOffset(
  runs: Pick<Client<typeof RunService>, 'streamOutput'>,
  { name, epoch, lines, sinceTime, untilTime }: TailRequest,
): Promise<bigint> {
  for (let look = FIRST_LOOK; ; look *= 4) {
    /** Offsets behind line feeds, the last of them. */
    const starts: bigint[] = [];
    let first: bigint | undefined;
    let end = 0n;
    // How far the end is from `untilTime` nobody knows: then all is looked at.
    const from = untilTime === undefined ? BigInt(-look) : 0n;
    const request = { name, epoch, offset: from, follow: false, sinceTime, untilTime };
    for await (const { offset, data } of readOutput(runs, request)) {
      first ??= offset;
      end = offset + BigInt(data.length);
      for (let at = data.indexOf(LF); at >= 0; at = data.indexOf(LF, at + 1)) {
        starts.push(offset + BigInt(at + 1));
        // One more than wanted, since the last line feed may end the output.
        if (starts.length > lines + 1) starts.shift();
      }
    }
    if (starts.at(-1) === end) starts.pop();
    const start = lines === 0 ? end : starts.at(-lines);
    if (start !== undefined) return start;
    const isWhole = from === 0n || first === undefined || end - first < BigInt(look);
    if (isWhole) return first ?? 0n;
  }
}

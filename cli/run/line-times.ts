/** Puts the time in front of each line of output: when the server read the line's first byte from the program. */
import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { StreamOutputResponse } from '../../shared/gen/locum/v1/run_service_pb.ts';

const LF = 0x0a;
const UNKNOWN = '-';

export class LineTimes {
  /** Whether the next byte is the first of a line. */
  #begins = true;

  /** A piece with the times in it; pieces come in their order. */
  stamped({ data, offset, times }: Pick<StreamOutputResponse, 'data' | 'offset' | 'times'>): Uint8Array {
    const parts: Uint8Array[] = [];
    let mark = 0;
    for (let at = 0; at < data.length; ) {
      if (this.#begins) {
        const place = offset + BigInt(at);
        while ((times[mark + 1]?.offset ?? place + 1n) <= place) mark += 1;
        const time = times[mark]?.time;
        parts.push(Buffer.from(`${time === undefined ? UNKNOWN : timestampDate(time).toISOString()} `));
      }
      const feed = data.indexOf(LF, at);
      const end = feed < 0 ? data.length : feed + 1;
      parts.push(data.subarray(at, end));
      this.#begins = feed >= 0;
      at = end;
    }
    return Buffer.concat(parts);
  }
}

/** `locum run logs`: the bytes of a policy, as it wrote them; on a terminal without what would act on it. */
import { createClient } from '@connectrpc/connect';
import { readOutput } from '../../sdk/typescript/output-reader.ts';
import { count } from '../../shared/count.ts';
import { RunService, StreamOutputResponseSchema } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { resolveRun } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { printStreamed, tell } from '../output/print.ts';
import { TerminalOutput } from './terminal-output.ts';

export interface LogsOptions {
  readonly follow?: boolean;
  readonly epoch?: bigint;
  readonly tail?: number;
  readonly offset?: number;
}

function startOf({ tail, offset }: LogsOptions): bigint {
  if (tail !== undefined && offset !== undefined) throw new CommandFailure('give --tail or --offset, not both');
  if (tail !== undefined) return -BigInt(tail);
  return BigInt(offset ?? 0);
}

const rotatedOut = (bytes: number): string => `[${count(bytes, 'byte')} ${bytes === 1 ? 'was' : 'were'} rotated out]`;

export async function logs(globals: Globals, id: string, options: LogsOptions): Promise<void> {
  const offset = startOf(options);
  if (options.tail === 0 && options.follow !== true) return;
  await withTransport(globals, async (transport) => {
    const name = await resolveRun(transport, id);
    const request = { name, epoch: options.epoch ?? 0n, offset, follow: options.follow === true };
    /** Where the next piece should begin; undefined: only the attempt's agent knows, since the end was asked for. */
    const out = process.stdout.isTTY ? new TerminalOutput() : undefined;
    let next = offset < 0n ? undefined : offset;
    for await (const chunk of readOutput(createClient(RunService, transport), request)) {
      if (globals.output === 'json' || globals.output === 'yaml') {
        await printStreamed(globals, StreamOutputResponseSchema, chunk, { table: () => '', names: () => [] });
        continue;
      }
      if (next !== undefined && chunk.offset > next) tell(rotatedOut(Number(chunk.offset - next)));
      next = chunk.offset + BigInt(chunk.data.length);
      process.stdout.write(out === undefined ? chunk.data : out.shown(chunk.data));
    }
  });
}

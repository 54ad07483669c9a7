import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { type OutputRequest, readOutput } from '../../sdk/typescript/output-reader.ts';
import { LocumError } from '../../shared/errors.ts';
import { StreamOutputResponseSchema } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { toConnectError } from '../../shared/rpc/status-details.ts';

type Script = ReadonlyArray<readonly [offset: number, text: string] | Error>;

const cut = new ConnectError('http/2 stream closed with error code CANCEL (0x8)', Code.Canceled);
const unreachable = toConnectError(new LocumError('AGENT_UNREACHABLE', 'not connected'));

/** Plays one script per opening; tells what was read and how it was asked for. */
async function read(scripts: readonly Script[], from: Partial<OutputRequest> = {}) {
  const asked: string[] = [];
  async function* streamOutput({ epoch, offset }: { epoch?: bigint; offset?: bigint }) {
    const script = scripts[asked.length] ?? [];
    asked.push(`${epoch}@${offset}`);
    for (const step of script) {
      if (step instanceof Error) throw step;
      const data = new TextEncoder().encode(step[1]);
      yield create(StreamOutputResponseSchema, { offset: BigInt(step[0]), data, epoch: 7n });
    }
  }
  const request = { name: 'runs/x', epoch: 0n, offset: 0n, follow: true, ...from };
  let text = '';
  const client = { streamOutput: streamOutput as Parameters<typeof readOutput>[0]['streamOutput'] };
  for await (const { data } of readOutput(client, request, async () => undefined))
    text += new TextDecoder().decode(data);
  return { text, asked };
}

describe('output that the SDK reads', () => {
  it('goes on at the byte where the stream broke, with the same attempt', async () => {
    const scripts: Script[] = [[[0, 'one '], [4, 'two '], cut], [cut], [[8, 'three']]];
    expect(await read(scripts)).toEqual({ text: 'one two three', asked: ['0@0', '7@8', '7@8'] });
  });

  it('goes on from the last bytes that were asked for', async () => {
    expect(await read([[[90, 'tail'], cut], [[94, '!']]], { offset: -4n })).toEqual({
      text: 'tail!',
      asked: ['0@-4', '7@94'],
    });
  });

  it('waits for the agent after a restart of the controller, but not at the beginning', async () => {
    expect((await read([[[0, 'a'], cut], [unreachable], [[1, 'b']]])).text).toBe('ab');
    await expect(read([[unreachable]])).rejects.toThrow('not connected');
  });

  it('ends with what repeating can not mend', async () => {
    const gone = toConnectError(new LocumError('OUTPUT_NOT_FOUND', 'gone'));
    await expect(read([[[0, 'a'], cut], [gone]])).rejects.toThrow('gone');
  });
});

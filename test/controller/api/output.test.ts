import { describe, expect, it } from 'vitest';
import type { ReadOutput } from '../../../shared/gen/locum/v1/agent_service_pb.ts';
import { LIMITS } from '../../../shared/limits.ts';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { type ControllerWorld, clientsOf, inWorld } from '../controller-world.ts';
import type { ScriptedAgent } from '../scripted-agent.ts';

const workload = { kind: { case: 'command' as const, value: { argv: ['/bin/true'] } } };
const text = (data: Uint8Array): string => new TextDecoder().decode(data);
const errorOf = async (call: Promise<unknown>) => fromConnectError(await call.catch((error: unknown) => error));

/** Output of an attempt, as its agent keeps it. */
class Log {
  written = '';
  ended = false;
  /** When each second began, by the offset of its first byte. */
  times: readonly (readonly [offset: number, second: number])[] = [];
  /** Told with each piece, whatever it has. */
  stray: readonly { readonly offset: bigint; readonly time: { readonly seconds: bigint } }[] = [];
  readonly asked: ReadOutput[] = [];

  /** Answers reads at most four bytes at a time, so that tests see the pieces. */
  serve(agent: ScriptedAgent): void {
    agent.call.on('data', ({ message }) => {
      if (message.case === 'readOutput') agent.say({ case: 'outputChunk', value: this.#chunk(message.value) });
    });
  }

  #chunk(read: ReadOutput) {
    const { requestId, offset } = read;
    this.asked.push(read);
    const size = this.written.length;
    const from = offset < 0n ? Math.max(0, size + Number(offset)) : Number(offset);
    const data = new TextEncoder().encode(this.written.slice(from, from + 4));
    const times = this.times
      .filter(([at], i) => at < from + data.length && (this.times[i + 1]?.[0] ?? size + 1) > from)
      .map(([at, second]) => ({ offset: BigInt(Math.max(at, from)), time: { seconds: BigInt(second) } }));
    return {
      requestId,
      offset: BigInt(from),
      data,
      size: BigInt(size),
      end: this.ended,
      times: [...times, ...this.stray],
    };
  }
}

async function startedRun(world: ControllerWorld, log: Log) {
  const agent = await world.liveAgent('a');
  log.serve(agent);
  await world.api.policies.createPolicy({ policy: { name: 'policies/x', workload } });
  const { run } = await agent.next('startAttempt');
  return { agent, name: `runs/${run}` };
}

async function readAll(stream: AsyncIterable<{ data: Uint8Array }>): Promise<string[]> {
  const pieces: string[] = [];
  for await (const { data } of stream) pieces.push(text(data));
  return pieces;
}

describe('output of a run', () => {
  it(
    'is read from its agent, from an offset or the last bytes',
    inWorld(async (world) => {
      const log = new Log();
      log.written = 'hello world';
      const { name } = await startedRun(world, log);
      const { runs } = world.api;
      expect(await readAll(runs.streamOutput({ name }))).toEqual(['hell', 'o wo', 'rld']);
      expect(await readAll(runs.streamOutput({ name, offset: 6n }))).toEqual(['worl', 'd']);
      expect(await readAll(runs.streamOutput({ name, offset: -3n }))).toEqual(['rld']);
      expect(await readAll(runs.streamOutput({ name, offset: 11n }))).toEqual([]);
    }),
  );

  it(
    'ends at its end as of the request, however much is written meanwhile',
    inWorld(async (world) => {
      const log = new Log();
      log.written = '0123456789';
      const { name } = await startedRun(world, log);
      const pieces: string[] = [];
      for await (const { data } of world.api.runs.streamOutput({ name })) {
        pieces.push(text(data));
        // A policy such as `yes` never stops writing.
        log.written += 'abcdefgh';
      }
      expect(pieces).toEqual(['0123', '4567', '89']);
    }),
  );

  it(
    'is followed until the attempt has ended',
    inWorld(async (world) => {
      const log = new Log();
      log.written = 'one ';
      const { name } = await startedRun(world, log);
      const pieces: string[] = [];
      for await (const { data } of world.api.runs.streamOutput({ name, follow: true })) {
        pieces.push(text(data));
        if (pieces.length === 1) log.written += 'two ';
        if (pieces.length === 2) {
          log.written += 'end';
          log.ended = true;
        }
      }
      expect(pieces).toEqual(['one ', 'two ', 'end']);
    }),
  );

  it(
    'has the times at which its server read it, ends before what is later than asked, and asks the server from when on',
    inWorld(async (world) => {
      const log = new Log();
      log.written = 'one.two.three';
      log.times = [
        [0, 100],
        [4, 200],
        [8, 300],
      ];
      const { name } = await startedRun(world, log);
      const { runs } = world.api;
      const told: string[] = [];
      for await (const { data, times } of runs.streamOutput({ name }))
        told.push(`${text(data)} ${times.map(({ offset, time }) => `${offset}@${time?.seconds}`).join()}`);
      expect(told).toEqual(['one. 0@100', 'two. 4@200', 'thre 8@300', 'e 12@300']);
      expect(await readAll(runs.streamOutput({ name, untilTime: { seconds: 200n } }))).toEqual(['one.', 'two.']);
      // A time that is past can bring nothing more, also to who follows.
      const followed = runs.streamOutput({ name, untilTime: { seconds: 300n }, follow: true });
      expect(await readAll(followed)).toEqual(['one.', 'two.', 'thre', 'e']);
      // What an agent says of bytes that it did not send is nothing to wait for.
      log.stray = [{ offset: 5_000_000n, time: { seconds: 10_000_000_000n } }];
      log.ended = true;
      const wild = runs.streamOutput({ name, untilTime: { seconds: 9_000_000_000n }, follow: true });
      expect((await readAll(wild)).join('')).toBe('one.two.three');
      log.stray = [];
      await readAll(runs.streamOutput({ name, sinceTime: { seconds: 250n } }));
      expect(log.asked.at(-1)?.sinceTime?.seconds).toBe(250n);
    }),
  );

  it(
    'that one client does not read holds up nobody else, and no more of it is asked for',
    inWorld(async (world) => {
      const size = 16 * 1024 * 1024;
      const piece = new Uint8Array(LIMITS.outputBytes).fill(0x78);
      const agent = await world.liveAgent('a');
      const asked = { slow: 0, fast: 0 };
      agent.call.on('data', ({ message }) => {
        if (message.case !== 'readOutput') return;
        const { requestId, offset } = message.value;
        // The quick one begins one byte later.
        asked[Number(offset) % piece.length === 0 ? 'slow' : 'fast'] += 1;
        const data = piece.subarray(0, size - Number(offset));
        agent.say({ case: 'outputChunk', value: { requestId, offset, data, size: BigInt(size), end: true } });
      });
      await world.api.policies.createPolicy({ policy: { name: 'policies/x', workload } });
      const { run } = await agent.next('startAttempt');
      const name = `runs/${run}`;
      const slow = clientsOf(world.controller.apiAddress).runs.streamOutput({ name })[Symbol.asyncIterator]();
      await slow.next();
      let bytes = 0;
      for await (const { data } of world.api.runs.streamOutput({ name, offset: 1n })) bytes += data.length;
      expect(bytes).toBe(size - 1);
      expect(asked.slow * piece.length).toBeLessThan(size / 2);
      await slow.return?.();
    }),
  );

  it(
    'is not to be had from an agent that is away, says no, or never had the attempt',
    inWorld(async (world) => {
      const { runs } = world.api;
      const agent = await world.liveAgent('a');
      await world.api.policies.createPolicy({ policy: { name: 'policies/x', workload } });
      const { run } = await agent.next('startAttempt');
      const name = `runs/${run}`;
      agent.call.on('data', ({ message }) => {
        if (message.case !== 'readOutput') return;
        agent.say({ case: 'outputChunk', value: { requestId: message.value.requestId, error: 'it was rotated away' } });
      });
      const refused = await errorOf(readAll(runs.streamOutput({ name })));
      expect(refused).toMatchObject({ reason: 'OUTPUT_NOT_FOUND', message: 'it was rotated away' });
      const unknown = await errorOf(readAll(runs.streamOutput({ name, epoch: 999n })));
      expect(unknown?.reason).toBe('OUTPUT_NOT_FOUND');
      expect((await errorOf(readAll(runs.streamOutput({ name: 'runs/x-999' }))))?.reason).toBe('NOT_FOUND');
      agent.close();
      await agent.ended;
      const away = await errorOf(readAll(runs.streamOutput({ name })));
      expect(away).toMatchObject({ reason: 'AGENT_UNREACHABLE', code: 'UNAVAILABLE' });
      expect(away?.retryAfterMs).toBe(1_000);
    }),
  );
});

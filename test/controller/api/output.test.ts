import { describe, expect, it } from 'vitest';
import type { ReadOutput } from '../../../shared/gen/locum/v1/agent_service_pb.ts';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { type ControllerWorld, inWorld } from '../controller-world.ts';
import type { ScriptedAgent } from '../scripted-agent.ts';

const workload = { kind: { case: 'command' as const, value: { argv: ['/bin/true'] } } };
const text = (data: Uint8Array): string => new TextDecoder().decode(data);
const errorOf = async (call: Promise<unknown>) => fromConnectError(await call.catch((error: unknown) => error));

/** Output of an attempt, as its agent keeps it. */
class Log {
  written = '';
  ended = false;

  /** Answers reads at most four bytes at a time, so that tests see the pieces. */
  serve(agent: ScriptedAgent): void {
    agent.call.on('data', ({ message }) => {
      if (message.case === 'readOutput') agent.say({ case: 'outputChunk', value: this.#chunk(message.value) });
    });
  }

  #chunk({ requestId, offset }: ReadOutput) {
    const size = this.written.length;
    const from = offset < 0n ? Math.max(0, size + Number(offset)) : Number(offset);
    const data = new TextEncoder().encode(this.written.slice(from, from + 4));
    return { requestId, offset: BigInt(from), data, size: BigInt(size), end: this.ended };
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

import { Code, createClient, createRouterTransport, type ServiceImpl } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mayRepeat } from '../../sdk/typescript/may-repeat.ts';
import { endSilence } from '../../sdk/typescript/silence.ts';
import { PoolService } from '../../shared/gen/locum/v1/pool_service_pb.ts';

const SILENCE_MS = 1_000;

function poolsOver(watchPools: ServiceImpl<typeof PoolService>['watchPools']) {
  const transport = createRouterTransport((router) => router.service(PoolService, { watchPools }));
  return createClient(PoolService, endSilence(transport, SILENCE_MS));
}

/** Says so many messages, each after so long, and then nothing. */
const speaking = (times: number, everyMs: number): ServiceImpl<typeof PoolService>['watchPools'] =>
  async function* (_request, { signal }) {
    for (let i = 0; i < times; i += 1) {
      await new Promise((resolve) => void setTimeout(resolve, everyMs));
      yield { revision: BigInt(i + 1) };
    }
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  };

describe('a watch of a transport without pings', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  async function read(pools: ReturnType<typeof poolsOver>, readMs = 0) {
    const seen: bigint[] = [];
    const reading = (async () => {
      for await (const { revision } of pools.watchPools({})) {
        seen.push(revision);
        await new Promise((resolve) => void setTimeout(resolve, readMs));
      }
    })();
    const failure = reading.catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(60 * SILENCE_MS);
    return { seen, failure: await failure };
  }

  it('breaks when nothing more is said, so that it is opened again', async () => {
    const { seen, failure } = await read(poolsOver(speaking(2, SILENCE_MS / 2)));
    expect(seen).toEqual([1n, 2n]);
    expect(failure).toMatchObject({ code: Code.Unavailable });
    expect(mayRepeat(failure as never)).toBe(true);
  });

  it('breaks when it says nothing from the start', async () => {
    expect((await read(poolsOver(speaking(0, 0)))).failure).toMatchObject({ code: Code.Unavailable });
  });

  it('goes on for as long as something is said in time, and however long its reader takes', async () => {
    expect((await read(poolsOver(speaking(20, SILENCE_MS * 0.9)))).seen).toHaveLength(20);
    expect((await read(poolsOver(speaking(5, 1)), SILENCE_MS * 3)).seen).toHaveLength(5);
  });
});

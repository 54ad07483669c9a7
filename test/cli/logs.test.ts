import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { logs } from '../../cli/run/logs.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { fakeApi } from './fake-api.ts';

let shown = '';

beforeEach(() => {
  shown = '';
  // Both streams in one text: what is said stands where the bytes are missing.
  const take = (bytes: string | Uint8Array): boolean => {
    shown += typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString();
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(take);
  vi.spyOn(process.stderr, 'write').mockImplementation(take);
});
afterEach(() => vi.restoreAllMocks());

/** What `run logs` shows of pieces, each at its offset. */
async function shownOf(pieces: readonly (readonly [offset: number, text: string])[], options = {}): Promise<string> {
  const api = await fakeApi((router) =>
    router.service(RunService, {
      getRun: ({ name }) => ({ run: { name } }),
      async *streamOutput() {
        for (const [offset, text] of pieces) yield { offset: BigInt(offset), data: Buffer.from(text), epoch: 7n };
      },
    }),
  );
  onTestFinished(() => api.close());
  await logs({ address: [api.address], output: 'table' }, 'x-1', options);
  return shown;
}

describe('run logs', () => {
  it('says before the first line what was rotated out before it', async () => {
    expect(await shownOf([[7_516_160, 'line 9\n']])).toBe('[7516160 bytes were rotated out]\nline 9\n');
  });

  it('says in between what was rotated out while it read, and one byte is one', async () => {
    const pieces = [
      [0, 'one\n'],
      [5, 'two\n'],
      [100, 'three\n'],
    ] as const;
    expect(await shownOf(pieces)).toBe('one\n[1 byte was rotated out]\ntwo\n[91 bytes were rotated out]\nthree\n');
  });

  it('says nothing of it where only the last bytes were asked for', async () => {
    expect(await shownOf([[7_516_160, 'line 9\n']], { tail: 7 })).toBe('line 9\n');
  });

  it('goes by the offset that was asked for', async () => {
    expect(await shownOf([[50, 'x']], { offset: 40 })).toBe('[10 bytes were rotated out]\nx');
  });
});

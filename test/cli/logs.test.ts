import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { LineTimes } from '../../cli/run/line-times.ts';
import { logs } from '../../cli/run/logs.ts';
import { OutputTimeSchema } from '../../shared/gen/locum/v1/run_pb.ts';
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

  it('goes by the offset that was asked for', async () => {
    expect(await shownOf([[50, 'x']], { offset: 40 })).toBe('[10 bytes were rotated out]\nx');
  });
});

describe('run logs --timestamps', () => {
  const at = (offset: number, ms: number) =>
    create(OutputTimeSchema, { offset: BigInt(offset), time: timestampFromMs(ms) });
  const piece = (offset: number, text: string, ...times: ReturnType<typeof at>[]) => ({
    ...{ offset: BigInt(offset), data: Buffer.from(text), times },
  });

  it('puts in front of each line when its first byte was read, however it comes in pieces', () => {
    const lines = new LineTimes();
    const stamped = (one: ReturnType<typeof piece>): string => Buffer.from(lines.stamped(one)).toString();
    expect(stamped(piece(0, 'one\ntw', at(0, 1_000), at(4, 2_000)))).toBe(
      '1970-01-01T00:00:01.000Z one\n1970-01-01T00:00:02.000Z tw',
    );
    expect(stamped(piece(6, 'o\n', at(6, 2_500)))).toBe('o\n');
    expect(stamped(piece(8, '\n\nx', at(8, 3_000), at(9, 4_000)))).toBe(
      '1970-01-01T00:00:03.000Z \n1970-01-01T00:00:04.000Z \n1970-01-01T00:00:04.000Z x',
    );
  });

  it('says where no time is known, and shows the line', async () => {
    expect(await shownOf([[0, 'one\n']], { timestamps: true })).toBe(
      '[when this was written is not known, so it counts as new]\n- one\n',
    );
  });
});

/** An API with one run and the whole output of its attempts; a newer attempt is there once the one before is read. */
async function runOf(attempts: readonly string[], { isEnded = true } = {}) {
  let begun = isEnded ? attempts.length : 1;
  const asked: string[] = [];
  const api = await fakeApi((router) =>
    router.service(RunService, {
      getRun: ({ name }) => ({
        run: {
          name,
          attempts: attempts.slice(0, begun).map((_, i) => ({ epoch: BigInt(i + 1), server: `servers/web-${i + 1}` })),
          ...(isEnded || begun === attempts.length ? { endTime: { seconds: 1n } } : {}),
        },
      }),
      async *streamOutput({ epoch, offset, follow }) {
        const output = Buffer.from(attempts[Number(epoch === 0n ? begun : epoch) - 1] ?? '');
        const from = offset < 0n ? Math.max(0, output.length + Number(offset)) : Number(offset);
        asked.push(`${epoch} from ${offset}`);
        for (let at = from; at < output.length; at += 10_000) {
          yield { offset: BigInt(at), data: output.subarray(at, at + 10_000), epoch };
        }
        if (follow) begun = Math.min(attempts.length, Number(epoch) + 1);
      },
    }),
  );
  onTestFinished(() => api.close());
  const show = async (options: object): Promise<string> => {
    shown = '';
    await logs({ address: [api.address], output: 'table' }, 'x-1', options);
    return shown;
  };
  return { show, asked };
}

const numbered = (count: number): string => Array.from({ length: count }, (_, i) => `line ${i + 1}\n`).join('');

describe('run logs --tail', () => {
  it('shows the last lines, whether the last one has ended or not, and all where there are fewer', async () => {
    const { show } = await runOf(['one\ntwo\nthree\n']);
    expect(await show({ tail: 1 })).toBe('three\n');
    expect(await show({ tail: 2 })).toBe('two\nthree\n');
    expect(await show({ tail: 3 })).toBe('one\ntwo\nthree\n');
    expect(await show({ tail: 9 })).toBe('one\ntwo\nthree\n');
    expect(await show({ tail: 0, follow: true })).toBe('');
    const open = await runOf(['one\ntwo\nthr']);
    expect(await open.show({ tail: 2 })).toBe('two\nthr');
    expect(await (await runOf([''])).show({ tail: 2 })).toBe('');
  });

  it('reads no more of a long output than it needs', async () => {
    const { show, asked } = await runOf([numbered(50_000)]);
    expect(await show({ tail: 3 })).toBe('line 49998\nline 49999\nline 50000\n');
    expect(asked[0]).toBe('0 from -16384');
    expect(asked).toHaveLength(2);
    expect(await show({ tail: 20_000 })).toBe(numbered(50_000).slice(numbered(30_000).length));
  });
});

describe('run logs of a run with several attempts', () => {
  it('shows the one before the newest, or all of them with where they ran', async () => {
    const { show } = await runOf(['first\n', 'second\n', 'third\n']);
    expect(await show({ previous: true })).toBe('second\n');
    expect(await show({ all: true })).toBe(
      '— epoch 1 on web-1 —\nfirst\n— epoch 2 on web-2 —\nsecond\n— epoch 3 on web-3 —\nthird\n',
    );
    await expect(show({ all: true, follow: true })).rejects.toThrow('--all shows everything');
    await expect(show({ previous: true, epoch: 1n })).rejects.toThrow('give one of');
    await expect((await runOf(['only\n'])).show({ previous: true })).rejects.toThrow('one attempt only');
  });

  it('follows it over all its attempts until it has ended', async () => {
    const { show } = await runOf(['first\n', 'second\n', 'third\n'], { isEnded: false });
    expect(await show({ follow: true })).toBe('first\n— epoch 2 on web-2 —\nsecond\n— epoch 3 on web-3 —\nthird\n');
  });
});

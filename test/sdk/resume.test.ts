import { Code, ConnectError } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { followResources, type ResourceMessage } from '../../sdk/typescript/resume.ts';
import { LocumError } from '../../shared/errors.ts';
import { toConnectError } from '../../shared/rpc/status-details.ts';

const message = (revision: number, name: string): ResourceMessage => ({
  revision: BigInt(revision),
  snapshotEnd: false,
  change: { case: 'thing', value: { name } },
});

/** The end of a snapshot, as a server sends it. */
const end = (revision: number): ResourceMessage => ({
  revision: BigInt(revision),
  snapshotEnd: true,
  change: { case: undefined },
});

const textOf = ({ change }: ResourceMessage): string => {
  if (change.value === undefined) return 'end';
  return typeof change.value === 'string' ? `-${change.value}` : change.value.name;
};

type Script = ReadonlyArray<ResourceMessage | Error>;

/** Plays one script per opening, and notes from where each was opened. */
function scripted(scripts: readonly Script[]): {
  open: (after: bigint) => AsyncGenerator<ResourceMessage>;
  opened: bigint[];
} {
  const opened: bigint[] = [];
  async function* open(after: bigint): AsyncGenerator<ResourceMessage> {
    const script = scripts[opened.length] ?? [];
    opened.push(after);
    for (const step of script) {
      if (step instanceof Error) throw step;
      yield step;
    }
  }
  return { open, opened };
}

async function texts(scripts: readonly Script[], count: number): Promise<{ read: string[]; opened: bigint[] }> {
  const { open, opened } = scripted(scripts);
  const read: string[] = [];
  for await (const each of followResources({ open, pause: async () => undefined })) {
    read.push(textOf(each));
    if (read.length === count) break;
  }
  return { read, opened };
}

const broken = new ConnectError('connection lost', Code.Unavailable);

describe('a watch of the SDK', () => {
  it('goes on after the last change when the stream breaks', async () => {
    const scripts = [[message(0, 'a'), end(5), message(6, 'b'), broken], [message(7, 'c')]];
    expect(await texts(scripts, 4)).toEqual({ read: ['a', 'end', 'b', 'c'], opened: [0n, 6n] });
  });

  it('takes the snapshot again when it was cut off', async () => {
    const scripts = [
      [message(0, 'a'), broken],
      [message(0, 'a'), message(0, 'b'), end(5)],
    ];
    expect(await texts(scripts, 4)).toEqual({ read: ['a', 'a', 'b', 'end'], opened: [0n, 0n] });
  });

  it('begins with a snapshot when its position is no longer kept', async () => {
    const tooOld = toConnectError(new LocumError('REVISION_TOO_OLD', 'gone'));
    const scripts = [[message(0, 'a'), end(5), broken], [tooOld], [message(0, 'a'), message(0, 'z'), end(90)]];
    expect(await texts(scripts, 5)).toEqual({ read: ['a', 'end', 'a', 'z', 'end'], opened: [0n, 5n, 0n] });
  });

  it('tells as deleted what a new snapshot does not have: it went while nobody watched', async () => {
    const tooOld = toConnectError(new LocumError('REVISION_TOO_OLD', 'gone'));
    const before = [message(0, 'a'), message(0, 'b'), end(5), message(6, 'c'), broken];
    const after = [message(0, 'b'), message(0, 'd'), end(90)];
    const { read, opened } = await texts([before, [tooOld], after], 9);
    expect(read).toEqual(['a', 'b', 'end', 'c', 'b', 'd', '-a', '-c', 'end']);
    expect(opened).toEqual([0n, 6n, 0n]);
  });

  it('begins with a snapshot when it read so slowly that changes passed it by', async () => {
    const slow = toConnectError(new LocumError('SLOW_READER', 'too slow'));
    const scripts = [
      [message(0, 'a'), end(5), slow],
      [message(0, 'a'), end(9)],
    ];
    expect(await texts(scripts, 4)).toEqual({ read: ['a', 'end', 'a', 'end'], opened: [0n, 0n] });
  });

  it('does not take a half of a snapshot for all there is', async () => {
    const tooOld = toConnectError(new LocumError('REVISION_TOO_OLD', 'gone'));
    const scripts = [[message(0, 'a'), end(5), broken], [tooOld], [message(0, 'x'), broken], [message(0, 'a'), end(9)]];
    expect((await texts(scripts, 5)).read).toEqual(['a', 'end', 'x', 'a', 'end']);
  });

  it('goes on when the controller ends the stream in good order', async () => {
    const scripts = [[message(0, 'a'), end(5)], [message(6, 'b')]];
    expect(await texts(scripts, 3)).toEqual({ read: ['a', 'end', 'b'], opened: [0n, 5n] });
  });

  it('fails at once when it could never be opened', async () => {
    await expect(texts([[broken]], 1)).rejects.toThrow('connection lost');
  });

  it('fails when the controller refuses it', async () => {
    const refused = toConnectError(new LocumError('INVALID_FIELD', 'no'));
    await expect(texts([[message(0, 'a'), end(5), refused]], 3)).rejects.toThrow('no');
  });
});

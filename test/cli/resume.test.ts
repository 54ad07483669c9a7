import { Code, ConnectError } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { resourcePositions, resuming, type WatchMessage } from '../../cli/client/resume.ts';
import { LocumError } from '../../shared/errors.ts';
import { toConnectError } from '../../shared/rpc/status-details.ts';

interface Message extends WatchMessage {
  readonly text: string;
}

const message = (revision: number, text: string, snapshotEnd = false): Message => ({
  revision: BigInt(revision),
  snapshotEnd,
  text,
});

type Script = ReadonlyArray<Message | Error>;

/** Plays one script per opening, and notes from where each was opened. */
function scripted(scripts: readonly Script[]): { open: (after: bigint) => AsyncGenerator<Message>; opened: bigint[] } {
  const opened: bigint[] = [];
  async function* open(after: bigint): AsyncGenerator<Message> {
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
  for await (const { text } of resuming({ open, positionOf: resourcePositions(), pause: async () => undefined })) {
    read.push(text);
    if (read.length === count) break;
  }
  return { read, opened };
}

const broken = new ConnectError('connection lost', Code.Unavailable);

describe('a watch of the command line', () => {
  it('goes on after the last change when the stream breaks', async () => {
    const scripts = [[message(5, 'a', true), message(6, 'b'), broken], [message(7, 'c')]];
    expect(await texts(scripts, 3)).toEqual({ read: ['a', 'b', 'c'], opened: [0n, 6n] });
  });

  it('takes the snapshot again when it was cut off', async () => {
    const scripts = [
      [message(5, 'a'), broken],
      [message(5, 'a'), message(5, 'b', true)],
    ];
    expect(await texts(scripts, 3)).toEqual({ read: ['a', 'a', 'b'], opened: [0n, 0n] });
  });

  it('begins with a snapshot when its position is no longer kept', async () => {
    const tooOld = toConnectError(new LocumError('REVISION_TOO_OLD', 'gone'));
    const scripts = [[message(5, 'a', true), broken], [tooOld], [message(90, 'z', true)]];
    expect(await texts(scripts, 2)).toEqual({ read: ['a', 'z'], opened: [0n, 5n, 0n] });
  });

  it('goes on when the controller ends the stream in good order', async () => {
    const scripts = [[message(5, 'a', true)], [message(6, 'b')]];
    expect(await texts(scripts, 2)).toEqual({ read: ['a', 'b'], opened: [0n, 5n] });
  });

  it('fails at once when it could never be opened', async () => {
    await expect(texts([[broken]], 1)).rejects.toThrow('connection lost');
  });

  it('fails when the controller refuses it', async () => {
    const refused = toConnectError(new LocumError('INVALID_FIELD', 'no'));
    await expect(texts([[message(5, 'a', true), refused]], 2)).rejects.toThrow('no');
  });
});

/** Output that an agent hands out, from real processes. */
import { describe, expect, it } from 'vitest';
import { AttemptState } from '../../shared/gen/locum/v1/run_pb.ts';
import { agentHost, script } from './agent-rig.ts';

describe('an agent', { timeout: 60_000 }, () => {
  it('hands out output, from any offset, while it grows and when it is complete', async () => {
    const { host, controller } = await agentHost();
    host.startAgent([controller.endpoint]);
    const session = await controller.session();
    session.start(script('echo first; echo second'));
    await session.attempt(AttemptState.ENDED);
    const read = { run: 'import-1', epoch: 7n, limit: 100 };
    const ask = (requestId: bigint) => {
      session.say({ case: 'readOutput', value: { ...read, requestId, offset: 6n } });
      return session.heard('outputChunk', (heard) => heard.requestId === requestId);
    };
    session.say({ case: 'readOutput', value: { ...read, requestId: 2n, run: 'none-9', offset: 0n } });
    let chunk = await ask(3n);
    // The end of a process is known before its output was read to the end.
    for (let requestId = 4n; !chunk.end; requestId += 1n) chunk = await ask(requestId);
    expect(new TextDecoder().decode(chunk.data)).toBe('second\n');
    expect(chunk).toMatchObject({ size: 13n, end: true, error: '' });
    const none = await session.heard('outputChunk', ({ requestId }) => requestId === 2n);
    expect(none.error).not.toBe('');
  });

  it('keeps as much output as its configuration says, and hands out the newest', async () => {
    const { host, controller } = await agentHost();
    host.startAgent([controller.endpoint], ['output: { segment_bytes: 4096, segments: 2 }']);
    const session = await controller.session();
    session.start(script('i=0; while [ $i -lt 4000 ]; do echo 0123456; i=$((i+1)); done; echo last'));
    await session.attempt(AttemptState.ENDED);
    const read = { run: 'import-1', epoch: 7n, limit: 65_536 };
    // The last lines may still be on their way to the disk when the process has ended.
    let asked = 0n;
    const readFrom = async (
      offset: bigint,
    ): Promise<{ data: Uint8Array; size: bigint; offset: bigint; end: boolean }> => {
      const requestId = ++asked;
      session.say({ case: 'readOutput', value: { ...read, requestId, offset } });
      return session.heard('outputChunk', (chunk) => chunk.requestId === requestId);
    };
    let last = await readFrom(-5n);
    while (!last.end) last = await readFrom(-5n);
    expect(new TextDecoder().decode(last.data)).toBe('last\n');
    const first = await readFrom(0n);
    expect(first.size).toBe(32_005n);
    expect(first.offset).toBeGreaterThan(0n);
  });
});

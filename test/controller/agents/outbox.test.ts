import { describe, expect, it } from 'vitest';
import { Outbox, type Sink } from '../../../controller/agents/outbox.ts';

/** Takes two messages, then is full until drained. */
class SlowSink implements Sink {
  readonly taken: string[] = [];
  writableLength = 0;

  write(bytes: Buffer): boolean {
    this.taken.push(bytes.toString());
    this.writableLength += 1;
    return this.writableLength < 2;
  }

  drain(): void {
    this.writableLength = 0;
  }
}

const message = (text: string): Buffer => Buffer.from(text);

describe('an outbox', () => {
  it('hands on a few messages and keeps the rest in order until there is room', () => {
    const sink = new SlowSink();
    const outbox = new Outbox(sink);
    for (const text of ['a', 'b', 'c', 'd', 'e']) expect(outbox.send(message(text))).toBe(true);
    expect(sink.taken).toEqual(['a', 'b']);
    expect(outbox.isCongested).toBe(true);
    sink.drain();
    outbox.onDrain();
    expect(sink.taken).toEqual(['a', 'b', 'c', 'd']);
    sink.drain();
    outbox.onDrain();
    expect(sink.taken.join('')).toBe('abcde');
    expect(outbox.isCongested).toBe(false);
  });

  it('refuses a message past its bound of messages', () => {
    const outbox = new Outbox(new SlowSink(), { limitBytes: 1000, maxMessages: 2 });
    const taken = ['a', 'b', 'c', 'd', 'e'].map((text) => outbox.send(message(text)));
    expect(taken).toEqual([true, true, true, true, false]);
  });

  it('refuses a message past its bound of bytes, and takes messages again once there is room', () => {
    const sink = new SlowSink();
    const outbox = new Outbox(sink, { limitBytes: 10, maxMessages: 100 });
    outbox.send(message('a'));
    outbox.send(message('b'));
    expect(outbox.send(message('123456'))).toBe(true);
    expect(outbox.send(message('78901'))).toBe(false);
    sink.drain();
    outbox.onDrain();
    expect(outbox.send(message('78901'))).toBe(true);
  });

  it('tells for how long nothing has gone out, and starts anew when something does', () => {
    const sink = new SlowSink();
    const outbox = new Outbox(sink);
    outbox.send(message('a'));
    outbox.send(message('b'));
    expect(outbox.stuckMs(1_000)).toBe(0);
    expect(outbox.stuckMs(4_000)).toBe(3_000);
    sink.writableLength = 1;
    expect(outbox.stuckMs(5_000)).toBe(0);
    expect(outbox.stuckMs(9_000)).toBe(4_000);
    sink.drain();
    expect(outbox.stuckMs(10_000)).toBe(0);
  });
});

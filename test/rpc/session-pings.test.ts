import { EventEmitter } from 'node:events';
import type { ServerHttp2Session } from 'node:http2';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { keepPinging } from '../../shared/rpc/session-pings.ts';

type Answer = (error: Error | null) => void;

/** What Node's session does with pings. */
class Session extends EventEmitter {
  destroyed = false;
  readonly pings: Answer[] = [];

  ping(answer: Answer): boolean {
    if (this.destroyed) throw new Error('ERR_HTTP2_INVALID_SESSION');
    this.pings.push(answer);
    return true;
  }

  destroy(): void {
    this.destroyed = true;
  }
}

describe('pings of a session', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function pinged(): Session {
    const session = new Session();
    keepPinging(session as unknown as ServerHttp2Session, { intervalMs: 10, timeoutMs: 5 });
    return session;
  }

  it('go on for as long as they are answered, and an unanswered one ends it', () => {
    const session = pinged();
    for (let i = 1; i <= 3; i += 1) {
      vi.advanceTimersByTime(10);
      expect(session.pings.length).toBe(i);
      session.pings.at(-1)?.(null);
    }
    vi.advanceTimersByTime(14);
    expect(session.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(session.destroyed).toBe(true);
  });

  it('leave one alone that was destroyed and is not closed yet', () => {
    const session = pinged();
    session.destroy();
    expect(() => vi.advanceTimersByTime(100)).not.toThrow();
    expect(session.pings).toEqual([]);
  });

  it('end when it closes', () => {
    const session = pinged();
    session.emit('close');
    vi.advanceTimersByTime(100);
    expect(session.pings).toEqual([]);
  });
});

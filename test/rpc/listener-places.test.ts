import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { defaultListenerLimits } from '../../shared/rpc/listener-limits.ts';
import { ListenerPlaces } from '../../shared/rpc/listener-places.ts';

class FakeSocket extends EventEmitter {
  readonly remoteAddress = '192.0.2.1';
  ended = false;

  destroySoon(): void {
    this.ended = true;
  }
}

const asSocket = (socket: FakeSocket): Socket => socket as unknown as Socket;

it('a connection that waits to be begun is not idle: one that was, and says nothing, makes room before it', () => {
  const places = new ListenerPlaces({ ...defaultListenerLimits, maxConnections: 2 });
  onTestFinished(() => places.end());
  const [waiting, silent, late] = [new FakeSocket(), new FakeSocket(), new FakeSocket()];
  places.add(asSocket(waiting));
  places.add(asSocket(silent));
  places.begun(asSocket(silent));
  places.add(asSocket(late));
  expect([waiting, silent, late].map(({ ended }) => ended)).toEqual([false, true, false]);
});

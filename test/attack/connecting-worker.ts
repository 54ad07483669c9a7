/** Opens connections beside a test that is standing still, and counts those that are there. */
import { connect } from 'node:net';
import { workerData } from 'node:worker_threads';

export interface Connecting {
  readonly port: number;
  readonly count: number;
  /** One number, which rises with each connection; whoever waits for it is woken at the last. */
  readonly connected: SharedArrayBuffer;
}

const { port, count, connected } = workerData as Connecting;
const there = new Int32Array(connected);
for (let i = 0; i < count; i += 1) {
  const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${2 + (i % 8)}` });
  socket.on('error', () => undefined).resume();
  socket.once('connect', () => {
    if (Atomics.add(there, 0, 1) + 1 === count) Atomics.notify(there, 0);
  });
}

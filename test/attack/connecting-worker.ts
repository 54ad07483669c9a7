/** Opens connections beside a test that is standing still, and counts those that are there. */
import { connect } from 'node:net';
import { workerData } from 'node:worker_threads';

export interface Connecting {
  readonly port: number;
  /** Addresses of loopback to come from, one for each connection. */
  readonly from: readonly string[];
  /** What each of them says, in Latin-1. Default: nothing. */
  readonly text?: string;
  /** One number, which rises with each connection; whoever waits for it is woken at the last. */
  readonly connected: SharedArrayBuffer;
}

const { port, from, text = '', connected } = workerData as Connecting;
const there = new Int32Array(connected);
for (const localAddress of from) {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => undefined).resume();
  if (text !== '') socket.write(text, 'latin1');
  socket.once('connect', () => {
    if (Atomics.add(there, 0, 1) + 1 === from.length) Atomics.notify(there, 0);
  });
}

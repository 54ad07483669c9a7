/** A program as systemd starts it, for tests: says what its environment has, hangs for a while on SIGUSR2, and is not well after SIGUSR1. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openServiceNotifier } from '../../../shared/host/service-notifier.ts';

const HANG_MS = 2_000;
let isWell = true;
const service = openServiceNotifier();
const left = Object.keys(process.env).filter((name) => /^(?:NOTIFY|WATCHDOG)_/.test(name));
service?.begin(() => ({ words: isWell ? 'all is\nwell; rm -rf *' : 'not well', isWell }));
service?.ready();
process.on('SIGUSR1', () => {
  isWell = false;
});
process.on('SIGUSR2', () => {
  process.stdout.write('hangs\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HANG_MS);
  process.stdout.write('free\n');
});
process.on('SIGHUP', () => {
  service?.reloading();
  service?.ready();
});
process.on('SIGTERM', () => {
  service?.stopping('that is all');
  service?.close();
  process.exit(0);
});
// From here on it heeds signals.
process.stdout.write(`left: ${left.join(' ')}\n`);
await sleep(60_000);

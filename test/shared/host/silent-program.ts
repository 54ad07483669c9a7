/** A program under systemd that has no descriptor left when it begins to speak. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openServiceNotifier } from '../../../shared/host/service-notifier.ts';
import { takeAllDescriptors } from '../../without-descriptors.ts';

const service = openServiceNotifier({ env: { NOTIFY_SOCKET: '/run/nobody' }, lookMs: 1 });
takeAllDescriptors();
service?.begin(() => ({ words: 'turns', isWell: true }));
service?.ready();
await sleep(20);
process.stdout.write('goes on\n');

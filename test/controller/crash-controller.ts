/** A controller as a process of its own, to be killed: `crash-controller.ts FILE`. Says its addresses over IPC. */
import { runController } from '../../controller/main.ts';
import { createLogger } from '../../shared/log.ts';
import { DEFAULT_TIMERS } from '../../shared/protocol/timers.ts';

const [file = ''] = process.argv.slice(2);
const anyPort = { host: '127.0.0.1', port: 0 };
const { apiAddress, agentAddress } = await runController({
  open: true,
  apiListen: anyPort,
  agentListen: anyPort,
  store: `sqlite:${file}`,
  adoptStore: false,
  logLevel: 'error',
  logFormat: 'json',
  initialTimers: DEFAULT_TIMERS,
  version: 'test',
  log: createLogger({ name: 'controller', level: 'error' }),
});
process.on('disconnect', () => process.exit(0));
process.send?.({ apiAddress, agentAddress });

/** A keeper as a process of its own, for tests: `run-keeper.ts --state-dir DIR --options JSON`. */
import { parseArgs } from 'node:util';
import { runKeeper } from '../../keeper/main.ts';
import { KeeperRunningError } from '../../keeper/state-directory.ts';

const { values } = parseArgs({ options: { 'state-dir': { type: 'string' }, options: { type: 'string' } } });

try {
  const options: object = JSON.parse(values.options ?? '{}');
  process.exitCode = await runKeeper({ stateDir: values['state-dir'] ?? '', version: 'test', ...options });
} catch (error) {
  if (!(error instanceof KeeperRunningError)) throw error;
  console.error(error.message);
  process.exitCode = 3;
}

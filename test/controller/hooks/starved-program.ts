/** Tells a command of an event where there is no descriptor left for its pipes. */
import { runHookCommand } from '../../../controller/hooks/hook-command.ts';
import { takeAllDescriptors } from '../../without-descriptors.ts';

takeAllDescriptors();
const { outcome } = await runHookCommand(
  { kind: 'COMMAND', argv: ['/bin/true'], timeoutMs: 1_000 },
  { id: '', body: '{}', variables: {} },
  new AbortController().signal,
);
process.stdout.write(`${outcome}\n`);

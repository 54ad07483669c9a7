/** Shuts a gate in front of a program, for tests: prints the id of the first process once it waits there, and never lets it go. */
import { openGate } from '../../keeper/gate.ts';
import { newProcessGroup } from '../../shared/host/process-group.ts';

const argv = process.argv.slice(2);
const plan = { kind: 'plan', argv, env: {}, workingDirectory: '/' } as const;
const gate = await openGate(plan, newProcessGroup([]), 2);
console.log((await gate.joined) ? gate.pid : 0);
await gate.ended;

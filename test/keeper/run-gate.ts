/** Shuts a gate in front of a program, for tests: prints the id of the first process once it waits there, and never lets it go. */
import { openGate } from '../../keeper/drivers/process/gate.ts';

const [program = '', ...args] = process.argv.slice(2);
const plan = { kind: 'plan', wanted: program, candidates: [program], args, env: {}, user: undefined } as const;
const gate = await openGate({ ...plan, workingDirectory: '/' }, '', 2);
console.log((await gate.ready) === true ? gate.pid : 0);
await gate.ended;

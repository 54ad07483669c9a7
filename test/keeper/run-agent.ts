/**
 * An agent as a process of its own, for tests: it attaches, starts one attempt, and extends its deadline every 100 ms as long as it
 * can. It prints the process id of the attempt.
 *
 *     run-agent.ts STATE_DIR RUN LEASE_MS GRACE_MS CODE
 */
import { setInterval } from 'node:timers/promises';
import { connectKeeper } from '../../agent/keeper-link/client.ts';
import { deadlineIn, startRequest } from './start-request.ts';

const [stateDir = '', run = '', leaseText, graceText, does = ''] = process.argv.slice(2);
const leaseMs = Number(leaseText);

const connection = await connectKeeper({ stateDir, agentVersion: 'test', tell: () => undefined });
const result = await connection.start(
  startRequest(run, { does, deadlineMs: leaseMs, stopTimeoutMs: Number(graceText) }),
);
if (!result.ok) throw new Error(`${result.reason}: ${result.detail}`);
console.log(result.pid);

for await (const _ of setInterval(100)) {
  await connection.extend({ extensions: [{ run, epoch: 1n, deadline: deadlineIn(leaseMs) }] });
}

/** Asks a running agent of this host: what `locum agent status` and `locum agent leave` do. */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { errorCode } from '../shared/caught-error.ts';
import type { AgentStatusReport } from './local-control.ts';
import { localSocketPath } from './local-socket.ts';

/** No agent runs in the state directory, or it is another user's. */
export class AgentNotRunningError extends Error {
  override readonly name = 'AgentNotRunningError';
}

/** Beyond the time that leaving may take: the Goodbye, and the way there. */
const SLACK_MS = 10_000;

/** What a running agent says of itself. @throws AgentNotRunningError */
export async function askAgentStatus(stateDir: string): Promise<AgentStatusReport> {
  return JSON.parse(await ask(stateDir, { method: 'GET', path: '/status', timeoutMs: SLACK_MS }));
}

/**
 * Tells a running agent to stop what it runs and to leave its cluster, so that its work moves at once. Answers when it has left.
 * What is not stopped within the time is left to its keeper, and moves once it is proven ended. @throws AgentNotRunningError
 */
export async function askAgentToLeave(stateDir: string, { withinMs }: { readonly withinMs: number }): Promise<string> {
  const body = JSON.stringify({ withinMs });
  const answer: { readonly outcome: string } = JSON.parse(
    await ask(stateDir, { method: 'POST', path: '/leave', body, timeoutMs: withinMs + SLACK_MS }),
  );
  return answer.outcome;
}

interface Question {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
  readonly timeoutMs: number;
}

async function ask(stateDir: string, { method, path, body = '', timeoutMs }: Question): Promise<string> {
  const socket = localSocketPath(stateDir);
  try {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; answer: Promise<string> }>();
    const headers = { 'content-length': Buffer.byteLength(body) };
    const call = request({ socketPath: socket.path, method, path, headers, timeout: timeoutMs }, (response) => {
      resolve({ status: response.statusCode ?? 0, answer: text(response) });
    });
    call.on('error', reject);
    call.on('timeout', () => call.destroy(new Error(`the agent did not answer within ${timeoutMs / 1000} s`)));
    call.end(body);
    const { status, answer } = await promise;
    if (status !== 200) throw new Error(`the agent refused: ${await answer}`);
    return await answer;
  } catch (error) {
    throw notRunning(stateDir, error) ?? error;
  } finally {
    socket.release();
  }
}

function notRunning(stateDir: string, error: unknown): AgentNotRunningError | undefined {
  const code = errorCode(error);
  if (code !== 'ENOENT' && code !== 'ECONNREFUSED' && code !== 'EACCES') return undefined;
  const message = `no agent can be reached in ${stateDir}: start it, or name its folder with --state-dir`;
  return new AgentNotRunningError(message, { cause: error });
}

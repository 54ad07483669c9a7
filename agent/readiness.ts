/** What an agent says of itself to probes and to systemd. */
import type { AgentState } from './core/state.ts';

/** Whether this server can be given work, in a word or two. */
export interface AgentReadiness {
  readonly ready: boolean;
  readonly words: string;
}

/** Whether work can be started here. */
export function readinessOf({ keeper, session, leaving, hostProblems }: AgentState): AgentReadiness {
  if (leaving !== undefined) return { ready: false, words: 'leaving' };
  if (keeper.kind !== 'live') return { ready: false, words: `no keeper: ${keeper.kind}` };
  if (session === undefined) return { ready: false, words: 'no session with a leader' };
  const [problem] = hostProblems;
  if (problem !== undefined) return { ready: false, words: `the host can start nothing: ${problem.kind}` };
  return { ready: true, words: `session with ${session.endpoint}` };
}

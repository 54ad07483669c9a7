/** For what reasons nothing can be started here, as the leader is told; it gives this server no new runs meanwhile (semantics, section 8). */
import { type HostProblem, sameProblems, tellableProblems } from '../../shared/host-problem.ts';
import { SECOND } from '../../shared/time.ts';
import type { AgentState } from './state.ts';
import type { Turn } from './turn.ts';

/** A keeper that is started again is there within a second or two, and a start that it misses is tried again. */
const KEEPER_GONE_MS = 10 * SECOND;

/** Called at the end of every step, before the heartbeat: the next one tells of them, when anything came or went. */
export function tellHostProblems({ state, now }: Turn): void {
  const told = tellableProblems([...state.foundProblems, ...goneKeeper(state, now.mono)]);
  if (sameProblems(state.hostProblems, told)) return;
  state.hostProblems = told;
  state.hostProblemsChanged = true;
}

/** With an open session and no keeper, each start is refused; until one is tried, nobody would know. */
function goneKeeper({ keeper, keeperGoneMono }: AgentState, mono: number): readonly HostProblem[] {
  if (keeperGoneMono === undefined || mono - keeperGoneMono < KEEPER_GONE_MS) return [];
  const why = keeper.kind === 'opening' && keeper.problem !== '' ? `: ${keeper.problem}` : '';
  return [{ kind: 'OTHER', detail: `there is no keeper${why}` }];
}

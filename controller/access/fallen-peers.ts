/** When a root goes, so does whoever was let in for a certificate that only this root stood for: agents, people and programs, other controllers. */
import { caHashesOf } from '../../shared/pki/roots.ts';
import type { Listener } from '../../shared/rpc/single-port-listener.ts';
import type { AgentListener } from '../agents/agent-listener.ts';
import type { AgentStreams } from '../agents/agent-streams.ts';
import type { ControllerTls } from './controller-tls.ts';

export interface Connected {
  readonly agents: Pick<AgentStreams, 'distrust'>;
  readonly agentListener: Pick<AgentListener, 'retireFallen'>;
  /** Undefined: not open yet. */
  readonly apiListener: Pick<Listener, 'endFallen'> | undefined;
  /** Undefined: plaintext, where nobody is taken for a certificate. */
  readonly tls: Pick<ControllerTls, 'authority' | 'endFallenPeers'> | undefined;
}

/** To be called about once a second: ends a part of them each time. */
export function endFallen({ agents, agentListener, apiListener, tls }: Connected): void {
  if (tls === undefined) return;
  const fallen = agentListener.retireFallen();
  if (fallen.length > 0) agents.distrust(new Set(fallen), caHashesOf(tls.authority.rootsPem));
  apiListener?.endFallen();
  tls.endFallenPeers();
}

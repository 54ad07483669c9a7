/** What the audit notes of agents that are refused for what they show. */
import { AgentService } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import type { Noted } from './access-notes.ts';

export interface AgentDenial {
  /** `address:port`. */
  readonly peer: string;
  /** The word of the refusal. */
  readonly reason: string;
  /** `servers/{server}` that it is about. Empty: it is not known. */
  readonly resource: string;
  /** Name in the certificate that was shown and is good; undefined: there is none. */
  readonly holder?: string | undefined;
}

const METHOD = `${AgentService.typeName}/${AgentService.method.connect.name}`;

export const notedDenial = ({ peer, reason, resource, holder }: AgentDenial): Noted => ({
  ...{ principal: holder === undefined ? '' : `agent:${holder}`, method: METHOD, resource, requestId: '' },
  ...{ outcome: reason, source: peer.slice(0, peer.lastIndexOf(':')) },
});

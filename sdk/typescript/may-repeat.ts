/** Which failures of a call are worth another try. */
import { Code, type ConnectError } from '@connectrpc/connect';
import { brokeOff } from '../../shared/rpc/connection-error.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';

/** Whether the same call may do better later or elsewhere: no answer, or an answer that says "not now, not here". */
export function mayRepeat(error: ConnectError): boolean {
  if (brokeOff(error)) return true;
  return error.code === Code.Unavailable && fromConnectError(error)?.reason !== 'AGENT_UNREACHABLE';
}

/** Whoever speaks no TLS where it is wanted. Without this he is told of a broken connection, and takes the controller for dead. */
import { LocumError } from '../errors.ts';
import type { TurnedAway } from './tls-door.ts';

export const tlsRequired = (): LocumError =>
  new LocumError(
    'TLS_REQUIRED',
    'this controller speaks TLS, and the call came in plain text (so what was sent with it could be read on its way): say which authority stands for it, with --ca-file or a context (client libraries: tls; an agent: `locum agent join`)',
  );

/** For the log and the metrics of the listener. */
export const spokePlain = (peer: string): TurnedAway => ({
  ...{ peer, reason: 'HANDSHAKE_FAILED', certificate: '' },
  message: 'it speaks no TLS, and was told so',
});

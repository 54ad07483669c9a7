/**
 * To whom a token would be shown where nothing but the address says who answers: in plain text on this host that is whoever holds the port, and
 * while no controller runs any user may take it. So it has to be a user who could be the controller.
 */

import { listenersOn } from '../context/listener-owner.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';

export interface GuardedToken {
  /** Whose it is, as the message goes on: `the token of LOCUM_TOKEN is for …`. */
  readonly whose: string;
  readonly addresses: readonly string[];
  /** Ids of the users who may see it. */
  readonly trusted: ReadonlySet<number>;
  /** What to do where the controller is another user's. */
  readonly advice: string;
}

/** Whether somebody listens who may see it; false: nobody does. Undefined: this host does not say. @throws CommandFailure: somebody else does */
export function mayShow({ whose, addresses, trusted, advice }: GuardedToken): boolean | undefined {
  const listeners = addresses.map((address) => listenersOn(Number(address.split(':').at(-1))));
  if (listeners.includes(undefined)) return undefined;
  const all = listeners.flatMap((uids) => [...(uids ?? [])]);
  const stranger = all.find((uid) => !trusted.has(uid));
  if (stranger === undefined) return all.length > 0;
  throw new CommandFailure(
    `user ${stranger} of this host listens on ${addresses.join(', ')}, and ${whose}: nothing was sent\n${advice}`,
    EXIT.denied,
  );
}

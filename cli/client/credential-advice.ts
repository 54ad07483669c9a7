/** What to do when it is not known who calls. */
import { Code, ConnectError } from '@connectrpc/connect';
import { UnreachableError } from '../../sdk/typescript/unreachable-error.ts';
import { printable } from '../../shared/printable.ts';
import type { Destination } from '../context/target.ts';

const HOW = 'Say who calls: LOCUM_TOKEN, --token-file FILE, or "locum context set NAME --token -".';

/** At most two lines. None where the error has nothing to do with it. */
export function credentialAdvice(error: unknown, target: Destination | undefined): readonly string[] {
  if (error instanceof UnreachableError) return addressAdvice(target);
  if (!(error instanceof ConnectError) || error.code !== Code.Unauthenticated) return [];
  const { token, outOfReach, goneToken, leftOut } = target ?? {};
  if (token?.value.kind === 'local') {
    return [
      `It was sent the token in ${token.value.path}: is that the data directory of this controller? LOCUM_DATA_DIR names another.`,
      HOW,
    ];
  }
  if (token !== undefined)
    return [`The token came from ${token.from}; "locum context show --effective" shows what is used.`];
  if (outOfReach !== undefined)
    return [`The token of this host is in ${outOfReach}, which this user may not read.`, HOW];
  if (goneToken !== undefined)
    return [`The token of this host, ${goneToken}, is gone: its controller makes another one when it starts.`, HOW];
  if (leftOut !== undefined)
    return [
      `Context ${leftOut} does not count, the address is none of its own: --context ${leftOut} uses it all the same.`,
    ];
  return [HOW];
}

function addressAdvice(target: Destination | undefined): readonly string[] {
  const { address, context } = target ?? {};
  if (address === undefined || context === undefined || address.from !== `context ${context.value}`) return [];
  return [`The address is that of context ${printable(context.value)}; "locum context use" names another.`];
}

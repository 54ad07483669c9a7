/**
 * TLS for a controller that waits for its store, without which it knows neither its cluster nor the authority of that: with a certificate of its
 * own, for which nobody stands and which goes with the wait. Probes look at no certificate; whoever knows the cluster takes this one for none
 * of it, sends nothing, and tries again.
 */
import { Authority, makeAuthority } from '../../shared/pki/authority.ts';
import { makeRequest } from '../../shared/pki/key-pair.ts';
import type { ListenerTls } from '../../shared/rpc/single-port-listener.ts';
import { TlsIdentity } from '../../shared/rpc/tls-identity.ts';

/** No cluster is called so: theirs are UUIDs. */
const WAITING = 'waiting';

export async function waitingTls(): Promise<ListenerTls> {
  const nowMs = Date.now();
  const authority = await Authority.open(await makeAuthority(WAITING, nowMs));
  const { csrPem, keyPem } = await makeRequest();
  const identity = { clusterId: WAITING, kind: 'controller', name: WAITING } as const;
  const { certPem } = await authority.sign({ csrPem, identity, nowMs });
  return {
    identity: new TlsIdentity({ certPem, keyPem, rootsPem: authority.certPem }),
    // Nobody is known yet.
    rule: () => ({ clusterId: WAITING, kinds: [] }),
    admitsNobody: true,
    refused: () => undefined,
  };
}

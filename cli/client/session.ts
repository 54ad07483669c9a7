/** What an action talks through, and its end. */

import type { ClosableTransport } from '../../sdk/typescript/repeated-calls.ts';
import { openTransport, type TlsOptions } from '../../sdk/typescript/transport.ts';
import { parseSpiffe } from '../../shared/access/identity.ts';
import type { PeerRule } from '../../shared/access/peer-judge.ts';
import { readCertificateFolder } from '../../shared/pki/certificate-folder.ts';
import { readCertificate } from '../../shared/pki/read-certificate.ts';
import { dialOptions, TlsIdentity, TlsMaterialError } from '../../shared/rpc/tls-identity.ts';
import type { Globals } from '../globals.ts';

export const CALL_TIMEOUT_MS = 10_000;

/** The controllers are judged by their identity in the cluster of our own certificate. */
async function clientTls(folder: string): Promise<TlsOptions> {
  const material = await readCertificateFolder(folder);
  const own = parseSpiffe(readCertificate(material.certPem).uris[0] ?? '');
  if (own === undefined) throw new TlsMaterialError(`the certificate in ${folder} is none of a cluster of Locum`);
  const rule = (): PeerRule => ({ clusterId: own.clusterId, kinds: ['controller'] });
  return dialOptions(new TlsIdentity(material), rule);
}

/** Runs an action with a transport, and closes it whatever happens. */
export async function withTransport<T>(
  { address, timeout, tlsDir }: Pick<Globals, 'address' | 'timeout' | 'tlsDir'>,
  action: (transport: ClosableTransport) => Promise<T>,
): Promise<T> {
  const tls = tlsDir === undefined ? undefined : await clientTls(tlsDir);
  const options = { addresses: address, timeoutMs: timeout ?? CALL_TIMEOUT_MS };
  const transport = openTransport(tls === undefined ? options : { ...options, tls });
  try {
    return await action(transport);
  } finally {
    transport.close();
  }
}

/** The certificate of this server, read from its folder, followed and renewed from then on. */
import { parseSpiffe } from '../shared/access/identity.ts';
import { type DiskLane, DiskStalledError } from '../shared/disk-lane.ts';
import type { Logger } from '../shared/log.ts';
import { followCertificateFolder, identityIn } from '../shared/pki/certificate-folder.ts';
import { readCertificate } from '../shared/pki/read-certificate.ts';
import { TlsMaterialError } from '../shared/rpc/tls-identity.ts';
import type { AgentSettings } from './config.ts';
import type { DialTls } from './connection.ts';
import { Renewal } from './enrolment/renewal.ts';

/**
 * Undefined: controllers are dialled in plaintext, for this server has no certificate and nobody said that it should.
 * A disk that does not answer is not waited for longer than `lane` does. Rejects with TlsMaterialError, ExposedFileError; DiskStalledError
 * when the folder was named.
 */
export async function openAgentTls(
  { tlsDir, tlsDirIsNamed, controllers }: Pick<AgentSettings, 'tlsDir' | 'tlsDirIsNamed' | 'controllers'>,
  lane: DiskLane,
  log: Logger,
): Promise<DialTls | undefined> {
  if (tlsDir === undefined) return undefined;
  const identity = await lane
    .run(() => identityIn(tlsDir))
    .catch((error: unknown) => {
      if (!(error instanceof DiskStalledError) || tlsDirIsNamed === true) throw error;
      log.warn(
        { folder: tlsDir },
        'the disk does not answer, so it is not known whether there is a certificate: going on without',
      );
      return undefined;
    });
  if (identity === undefined) {
    if (tlsDirIsNamed === true)
      throw new TlsMaterialError(`there is no certificate in ${tlsDir}: it needs tls.crt, tls.key and ca.crt`);
    return undefined;
  }
  const [uri = ''] = readCertificate(identity.material.certPem).uris;
  const own = parseSpiffe(uri);
  if (own === undefined) throw new TlsMaterialError(`the certificate in ${tlsDir} names no server`);
  const tell = (problem: string | undefined): void => {
    if (problem === undefined) log.info({ folder: tlsDir }, 'took over a new certificate');
    else log.warn({ folder: tlsDir }, `the certificate can not be read, the one before it stays in use: ${problem}`);
  };
  // As long as this process.
  followCertificateFolder(tlsDir, identity, { lane, tell, signal: new AbortController().signal });
  const tls: DialTls = { identity, rule: { clusterId: own.clusterId, kinds: ['controller'] } };
  new Renewal({ folder: tlsDir, tls, controllers, lane, log }).start();
  return tls;
}

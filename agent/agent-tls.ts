/** The certificate of this server: read from its folder, followed there, and renewed when the core says so. */
import { parseSpiffe } from '../shared/access/identity.ts';
import { type DiskLane, DiskStalledError } from '../shared/disk-lane.ts';
import type { Logger } from '../shared/log.ts';
import { followCertificateFolder, identityIn } from '../shared/pki/certificate-folder.ts';
import { readCertificate } from '../shared/pki/read-certificate.ts';
import { TlsMaterialError } from '../shared/rpc/tls-identity.ts';
import type { AgentSettings } from './config.ts';
import type { DialTls } from './connection.ts';
import type { Event } from './core/event.ts';
import { certificateFacts } from './enrolment/certificate-facts.ts';
import { renewCertificate } from './enrolment/renewal.ts';

export class AgentTls {
  readonly dial: DialTls;
  readonly #folder: string;
  readonly #lane: DiskLane;
  readonly #log: Logger;

  /**
   * Undefined: controllers are dialled in plaintext, for this server has no certificate and nobody said that it should.
   * A disk that does not answer is not waited for longer than `lane` does. Rejects with TlsMaterialError, ExposedFileError;
   * DiskStalledError when the folder was named.
   */
  static async open(
    { tlsDir, tlsDirIsNamed }: Pick<AgentSettings, 'tlsDir' | 'tlsDirIsNamed'>,
    lane: DiskLane,
    log: Logger,
  ): Promise<AgentTls | undefined> {
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
    const dial = { identity, rule: { clusterId: own.clusterId, kinds: ['controller' as const] } };
    return new AgentTls(dial, tlsDir, lane, log);
  }

  private constructor(dial: DialTls, folder: string, lane: DiskLane, log: Logger) {
    this.dial = dial;
    this.#folder = folder;
    this.#lane = lane;
    this.#log = log;
  }

  /** Tells of the certificate, and of each other one that is put into the folder as long as this process runs. */
  begin(post: (event: Event) => void): void {
    const [folder, lane, log, identity] = [this.#folder, this.#lane, this.#log, this.dial.identity];
    const tellIt = (): void => post({ kind: 'certificate', certificate: certificateFacts(identity) });
    const tell = (problem: string | undefined): void => {
      if (problem === undefined) {
        log.info({ folder }, 'took over a new certificate');
        tellIt();
      } else log.warn({ folder }, `the certificate can not be read, the one before it stays in use: ${problem}`);
    };
    followCertificateFolder(folder, identity, { lane, tell, signal: new AbortController().signal });
    tellIt();
  }

  /** Asks this controller for a new one; the answer is an event. */
  async renew(endpoint: string, post: (event: Event) => void): Promise<void> {
    const options = { folder: this.#folder, tls: this.dial, lane: this.#lane };
    post({ kind: 'renewal', outcome: await renewCertificate(endpoint, options) });
  }
}

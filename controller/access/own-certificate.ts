/** The certificates of a controller itself. Their keys are in memory only, unless it may be started without what it signs with. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '../../shared/log.ts';
import { AuthorityError } from '../../shared/pki/authority.ts';
import { identityIn, writeCertificateFolder } from '../../shared/pki/certificate-folder.ts';
import { makeRequest } from '../../shared/pki/key-pair.ts';
import { certificatesIn, leadsTo } from '../../shared/pki/roots.ts';
import type { TlsIdentity, TlsMaterial } from '../../shared/rpc/tls-identity.ts';
import type { AuthorityRoot } from '../core/records/authority.ts';
import type { AuthorityHolder } from './authority-holder.ts';
import { PKI_FOLDER } from './cluster-authority.ts';

/** Of the API and for other controllers, and of the agents' listener. */
export type OwnMaterial = readonly [TlsMaterial, TlsMaterial];

export interface OwnCertificateOptions {
  /** Id of this controller. */
  readonly self: string;
  /** Hosts by which clients dial it, beside those that are always there. */
  readonly hosts: readonly string[];
  readonly dataDirectory: string;
  readonly wrappingKeyFile?: string | undefined;
  readonly log: Pick<Logger, 'error'>;
}

const OWN_FOLDER = 'own';

const folderOf = ({ dataDirectory }: Pick<OwnCertificateOptions, 'dataDirectory'>): string =>
  join(dataDirectory, PKI_FOLDER, OWN_FOLDER);

/** Agents that were away know the old root only, as long as there is one. Rejects with LocumError NO_AUTHORITY. */
export async function signedMaterial(
  { self, hosts }: Pick<OwnCertificateOptions, 'self' | 'hosts'>,
  authority: AuthorityHolder,
): Promise<OwnMaterial> {
  const { csrPem, keyPem } = await makeRequest();
  const names = [...new Set([...hosts, hostname(), 'localhost', '127.0.0.1', '::1'])];
  const signed = async (root: AuthorityRoot): Promise<TlsMaterial> => {
    const holder = { kind: 'controller' as const, name: self };
    const { certPem, rootsPem } = await authority.signWith(root, csrPem, holder, { hosts: names });
    return { certPem, keyPem, rootsPem };
  };
  const own = await signed(authority.signing);
  const { phase, roots } = authority.record;
  const old = phase === 'RENEWING' ? roots.at(-1) : undefined;
  // Whoever does not have the key of the old root any more has only this to show.
  return [own, old !== undefined && authority.word.signs.includes(old.hash) ? await signed(old) : own];
}

/** A start. Without the key that signs, the certificate of the start before does, as long as it is good. Rejects with AuthorityError. */
export async function firstMaterial(options: OwnCertificateOptions, authority: AuthorityHolder): Promise<OwnMaterial> {
  if (authority.canSign) {
    const material = await signedMaterial(options, authority);
    if (options.wrappingKeyFile !== undefined) await keepOwn(options, material[0]);
    return material;
  }
  const why = whyNothingIsSigned(authority, options);
  const kept = await identityIn(folderOf(options)).catch(() => undefined);
  const { rootsPem } = authority;
  if (kept === undefined || kept.life.notAfterMs <= Date.now() || !isOf(kept, rootsPem))
    throw new AuthorityError(
      `${why}, and there is no certificate of an earlier start: give it the key by tls.wrapping_key_file or tls.ca_key_file`,
      { reason: 'AUTHORITY_KEY_MISSING' },
    );
  options.log.error(
    `${why}: until it is there, this controller shows its earlier certificate, good until ${new Date(kept.life.notAfterMs).toISOString()}`,
  );
  const material = { ...kept.material, rootsPem };
  return [material, material];
}

const isOf = ({ material: { certPem } }: TlsIdentity, rootsPem: string): boolean =>
  leadsTo(certificatesIn(certPem), certificatesIn(rootsPem));

function whyNothingIsSigned(
  { signing: { hash, wrapped }, ring }: AuthorityHolder,
  { wrappingKeyFile }: Pick<OwnCertificateOptions, 'wrappingKeyFile'>,
): string {
  if (wrapped === undefined) return `the key of root ${hash} is not on this host, so nothing is signed here`;
  const where = `nothing is signed here: the key of root ${hash} is in the store, wrapped with wrapping key ${wrapped.by}`;
  if (wrappingKeyFile === undefined) return `${where}, and this controller has no wrapping key`;
  if (ring.problem !== undefined) return `${where}, and the wrapping keys can not be read: ${ring.problem}`;
  return `${where}, which is none of those in ${wrappingKeyFile}`;
}

/** In place of what was kept before. */
export const keepOwn = (options: OwnCertificateOptions, material: TlsMaterial): Promise<void> =>
  writeCertificateFolder(folderOf(options), material);

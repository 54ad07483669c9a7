/** Signs a certificate with the authority in a data directory, and writes it with its key and the roots into a folder. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PKI_FOLDER } from '../../controller/access/cluster-authority.ts';
import { KeyRing, rootOf } from '../../controller/access/key-ring.ts';
import { loadControllerSettings } from '../../controller/config/config.ts';
import { isPeerIdentity, type PeerIdentity, parseSpiffe } from '../../shared/access/identity.ts';
import { badField } from '../../shared/errors.ts';
import type { Authority } from '../../shared/pki/authority.ts';
import { writeCertificateFolder } from '../../shared/pki/certificate-folder.ts';
import { makeRequest } from '../../shared/pki/key-pair.ts';
import { DAY } from '../../shared/time.ts';
import { printLine } from '../output/print.ts';

export interface IssueOptions {
  readonly out: string;
  readonly dataDir?: string;
  readonly pool?: string;
  readonly days?: string;
}

const DEFAULT_DAYS = 90;
const MAX_DAYS = 825;

export async function issue(text: string, { out, dataDir, pool, days }: IssueOptions): Promise<void> {
  const flags = dataDir === undefined ? {} : { dataDirectory: dataDir };
  const { dataDirectory = '' } = loadControllerSettings({ flags, env: process.env });
  const folder = join(dataDirectory, PKI_FOLDER);
  const rootsPem = readFileSync(join(folder, 'ca.crt'), 'utf8');
  const authority = await authorityIn(dataDirectory, rootsPem);
  const identity = identityOf(text, pool, authority);
  const { csrPem, keyPem } = await makeRequest();
  const lifeMs = lifeOf(days);
  const { certPem, notAfterMs } = await authority.sign({ csrPem, identity, nowMs: Date.now(), lifeMs });
  await writeCertificateFolder(out, { certPem, keyPem, rootsPem });
  printLine(`${text} until ${new Date(notAfterMs).toISOString()}: ${out}`);
}

/** Of several keys, as while the authority is changed, the one that signs. */
async function authorityIn(dataDirectory: string, rootsPem: string): Promise<Authority> {
  const ring = new KeyRing({ clusterId: '', dataDirectory, nowMs: Date.now() });
  const authority = await ring.open(rootOf(rootsPem));
  if (authority !== undefined) return authority;
  throw badField('INVALID_FIELD', 'data_directory', 'the key of its authority is not there: sign where that is');
}

function identityOf(text: string, pool: string | undefined, authority: Authority): PeerIdentity {
  const clusterId = clusterOf(authority.certPem);
  const identity = parseSpiffe(`spiffe://${clusterId}/${text}${pool === undefined ? '' : `/pool/${pool}`}`);
  if (identity !== undefined && isPeerIdentity(identity)) return identity;
  throw badField('INVALID_FIELD', 'identity', `"${text}" is none; use server/web-1, user/ann or controller/c1`);
}

/** The authority that Locum makes names its cluster. */
function clusterOf(rootPem: string): string {
  const unit = /^OU=(.+)$/m.exec(new X509Certificate(rootPem).subject)?.[1];
  if (unit === undefined)
    throw badField(
      'INVALID_FIELD',
      'data_directory',
      'its authority was not made by Locum: sign with the tools that made it',
    );
  return unit;
}

function lifeOf(days: string | undefined): number {
  const number = days === undefined ? DEFAULT_DAYS : Number(days);
  if (Number.isInteger(number) && number >= 1 && number <= MAX_DAYS) return number * DAY;
  throw badField('INVALID_FIELD', 'days', `use a whole number from 1 to ${MAX_DAYS}`);
}

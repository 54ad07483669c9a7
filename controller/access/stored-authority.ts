/** The authority as the store has it, for a controller that starts: it needs a certificate before anybody can be asked, or elected. */
import { join } from 'node:path';
import { AuthorityError } from '../../shared/pki/authority.ts';
import { certificateWord } from '../../shared/protocol/certificate-facts.ts';
import { decodeRecord, encodeRecord } from '../codec/record.ts';
import { AUTHORITY_KEY, type AuthorityRecord } from '../core/records/authority.ts';
import type { Store, StoreRecord } from '../store/store.ts';
import type { AuthorityPlace } from './cluster-authority.ts';
import { hasOwnFiles, PKI_FOLDER } from './cluster-authority.ts';
import { KeyRing } from './key-ring.ts';

export type AuthorityStore = Pick<Store, 'members' | 'load' | 'campaign' | 'commit' | 'resign' | 'leader'>;

type Place = Omit<AuthorityPlace, 'nowMs'>;

/**
 * Undefined: it is as the files have it. With a wrapping key, and neither files nor anything in the store, it is made. Rejects with AuthorityError,
 * WrappingKeyError, ExposedFileError, StoreError.
 */
export async function storedAuthority(store: AuthorityStore, place: Place): Promise<AuthorityRecord | undefined> {
  const { records } = await store.load();
  const found = authorityIn(records);
  if (found !== undefined) return found;
  // With a wrapping key it moves into the store once this controller leads.
  if (place.caFile !== undefined || hasOwnFiles(place.dataDirectory)) return undefined;
  refuseNewOne(records, place);
  if (place.wrappingKeyFile === undefined) return undefined;
  if (records.length > 0)
    throw new AuthorityError(
      'the key of the authority is in files of other controllers: start one that has it with tls.wrapping_key_file first, which puts it into the store',
    );
  return makeInStore(store, place);
}

/** A store that was brought to another host without the files of its authority: with another one, no host would know the controller again. */
function refuseNewOne(records: readonly StoreRecord[], { dataDirectory }: Place): void {
  const known = records.map(issuerKnownTo).find((hash) => hash !== undefined);
  if (known === undefined) return;
  const folder = join(dataDirectory, PKI_FOLDER);
  throw new AuthorityError(
    `the hosts of this cluster know the authority ${known}, and it is not in ${folder}: put its ca.crt and ca.key there, as the host had them that this store is from. Where they are lost, make another (\`locum pki new-root DIR\`), name it as tls.ca_file and tls.ca_key_file, and let every host join anew`,
    { reason: 'AUTHORITY_MISSING' },
  );
}

/** Root that signed the certificate of a server, as it said itself. */
function issuerKnownTo({ key, value }: StoreRecord): string | undefined {
  if (!key.startsWith('servers/')) return undefined;
  const record = decodeRecord(key, value);
  return record.kind === 'server' ? certificateWord(record.capabilities).issuer : undefined;
}

export function authorityIn(records: readonly StoreRecord[]): AuthorityRecord | undefined {
  const bytes = records.find(({ key }) => key === AUTHORITY_KEY)?.value;
  return bytes && authorityOf(bytes);
}

export function authorityOf(bytes: Uint8Array): AuthorityRecord | undefined {
  const record = decodeRecord(AUTHORITY_KEY, bytes);
  return record.kind === 'authority' ? record : undefined;
}

/** Of several controllers that start at once, the first to be elected makes it. Nothing else is in the store yet. */
async function makeInStore(store: AuthorityStore, place: Place): Promise<AuthorityRecord | undefined> {
  const ring = new KeyRing({ ...place, nowMs: Date.now() });
  const { term } = await store.campaign('authority', new AbortController().signal);
  try {
    const there = authorityIn((await store.load()).records);
    if (there !== undefined) return there;
    const root = await ring.make(false, Date.now());
    const record: AuthorityRecord = {
      ...{ kind: 'authority', phase: 'STEADY', roots: [root], endorsements: '', sinceWall: undefined, creator: '' },
    };
    const writes = [{ kind: 'put', key: AUTHORITY_KEY, value: encodeRecord(record) }] as const;
    const outcome = await store.commit({ term, number: 1, writes });
    if (outcome.kind === 'committed') return record;
    throw new AuthorityError(`the authority could not be put into the store: ${outcome.detail}`);
  } finally {
    await store.resign();
  }
}

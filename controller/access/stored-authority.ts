/** The authority as the store has it, for a controller that starts: it needs a certificate before anybody can be asked, or elected. */
import { AuthorityError } from '../../shared/pki/authority.ts';
import { decodeRecord, encodeRecord } from '../codec/record.ts';
import { AUTHORITY_KEY, type AuthorityRecord } from '../core/records/authority.ts';
import type { Store, StoreRecord } from '../store/store.ts';
import type { AuthorityPlace } from './cluster-authority.ts';
import { hasOwnFiles } from './cluster-authority.ts';
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
  if (found !== undefined || place.wrappingKeyFile === undefined) return found;
  // The key moves into the store once this controller leads.
  if (place.caFile !== undefined || hasOwnFiles(place.dataDirectory)) return undefined;
  if (records.length > 0)
    throw new AuthorityError(
      'the key of the authority is in files of other controllers: start one that has it with tls.wrapping_key_file first, which puts it into the store',
    );
  return makeInStore(store, place);
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

/** What a controller knows of those who may call: the leader's own state, or a follower's copy of it. */
import type { AccessRole } from '../../shared/access/permissions.ts';
import { decodeRecord } from '../codec/record.ts';
import type { AccessBook } from '../core/indexes/access-book.ts';
import type { TokenRecord, UserRecord } from '../core/records/access-record.ts';
import type { StateRecord } from '../core/records/state.ts';

export interface Accounts {
  readonly token: (
    id: string,
  ) => Pick<TokenRecord, 'id' | 'holder' | 'roles' | 'secretHash' | 'expireWall' | 'lastUseWall'> | undefined;
  readonly user: (name: string) => Pick<UserRecord, 'roles'> | undefined;
  readonly role: (name: string) => AccessRole | undefined;
}

export const accountsIn = ({ tokens, users, roles }: AccessBook): Accounts => ({
  token: (id) => tokens.get(id),
  user: (name) => users.get(name),
  role: (name) => roles.get(name),
});

/** `read`: the bytes of a record by its key. One that can't be read is as good as none. */
export function accountsFrom(read: (key: string) => Uint8Array | undefined): Accounts {
  const record = (key: string): StateRecord | undefined => {
    const bytes = read(key);
    try {
      return bytes === undefined ? undefined : decodeRecord(key, bytes);
    } catch {
      // Of a newer version, in the midst of an upgrade.
      return undefined;
    }
  };
  const of = <K extends StateRecord['kind']>(kind: K, key: string): Extract<StateRecord, { kind: K }> | undefined => {
    const found = record(key);
    return found !== undefined && isOf(found, kind) ? found : undefined;
  };
  return {
    token: (id) => of('token', `tokens/${id}`),
    user: (name) => of('user', `users/${name}`),
    role: (name) => of('role', `roles/${name}`),
  };
}

function isOf<K extends StateRecord['kind']>(
  record: StateRecord,
  kind: K,
): record is Extract<StateRecord, { kind: K }> {
  return record.kind === kind;
}

/** All roles, tokens and users. */
import { BUILT_IN_ROLES } from '../../../shared/access/permissions.ts';
import type { RoleGrant } from '../../../shared/access/principal.ts';
import type { AccessRecord, RoleRecord, TokenRecord, UserRecord } from '../records/access-record.ts';

export class AccessBook {
  readonly #roles = new Map<string, RoleRecord>();
  readonly #tokens = new Map<string, TokenRecord>();
  readonly #users = new Map<string, UserRecord>();

  get roles(): ReadonlyMap<string, RoleRecord> {
    return this.#roles;
  }

  get tokens(): ReadonlyMap<string, TokenRecord> {
    return this.#tokens;
  }

  get users(): ReadonlyMap<string, UserRecord> {
    return this.#users;
  }

  put(record: AccessRecord): void {
    switch (record.kind) {
      case 'role':
        this.#roles.set(record.name, record);
        return;
      case 'token':
        this.#tokens.set(record.id, record);
        return;
      case 'user':
        this.#users.set(record.name, record);
    }
  }

  delete(record: AccessRecord): void {
    if (record.kind === 'role') this.#roles.delete(record.name);
    else if (record.kind === 'token') this.#tokens.delete(record.id);
    else this.#users.delete(record.name);
  }

  /** By its full name: `tokens/0a1b`, `users/ann`, `roles/deployer`. */
  named(name: string): AccessRecord | undefined {
    const [folder, id = ''] = name.split('/');
    if (folder === 'roles') return this.#roles.get(id);
    return folder === 'tokens' ? this.#tokens.get(id) : this.#users.get(id);
  }

  hasRole(name: string): boolean {
    return BUILT_IN_ROLES.some((role) => role.name === name) || this.#roles.has(name);
  }

  /** Who has a role: full names, tokens first. */
  holdersOf(role: string): readonly string[] {
    const has = ({ roles }: { readonly roles: readonly RoleGrant[] }): boolean =>
      roles.some((grant) => grant.role === role);
    const tokens = [...this.#tokens.values()].filter(has).map(({ id }) => `tokens/${id}`);
    return [...tokens, ...[...this.#users.values()].filter(has).map(({ name }) => `users/${name}`)];
  }
}

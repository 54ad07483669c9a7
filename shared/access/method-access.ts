/** What a caller needs for a method: the option of the protos, as one table. */
import { type DescMethod, getOption, hasOption } from '@bufbuild/protobuf';
import { access, type MethodAccess, MethodAccess_Scope } from '../gen/locum/v1/access_pb.ts';
import { isPermission, type Permission } from './permissions.ts';

export type MethodRule =
  /** Nobody is asked who he is. */
  | { readonly kind: 'everybody' }
  /** Whoever is known. */
  | { readonly kind: 'known' }
  /** `reach`: CLUSTER permissions that are given for a part do not do. */
  | { readonly kind: 'permission'; readonly permission: Permission; readonly reach: 'CLUSTER' | 'RESOURCES' };

const RULES = new WeakMap<DescMethod, MethodRule | undefined>();

/** Undefined: nothing is said of the method, or nothing that is known, so nobody may call it. */
export function ruleOf(method: DescMethod): MethodRule | undefined {
  if (!RULES.has(method))
    RULES.set(method, hasOption(method, access) ? ruleFrom(getOption(method, access)) : undefined);
  return RULES.get(method);
}

function ruleFrom({ permission, scope }: MethodAccess): MethodRule | undefined {
  if (permission === 'none') return { kind: 'everybody' };
  if (permission === 'any') return { kind: 'known' };
  if (!isPermission(permission)) return undefined;
  return { kind: 'permission', permission, reach: scope === MethodAccess_Scope.RESOURCES ? 'RESOURCES' : 'CLUSTER' };
}

/** Roles that are given, as they are written on the command line: `operator`, `operator@edge,core`, `viewer:team=payments`. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { RoleGrant, RoleGrantSchema } from '../../shared/gen/locum/v1/access_service_pb.ts';
import { CommandFailure } from '../exit-codes.ts';

const FORM = /^(?<role>[a-z][a-z0-9-]*)(?:@(?<pools>[a-z0-9,-]+))?(?::(?<labels>[^=]+=.*))?$/;

/** @throws CommandFailure for a text that is none */
export function grantFrom(text: string): MessageInitShape<typeof RoleGrantSchema> {
  const parts = FORM.exec(text)?.groups;
  const [role, pools, labels] = [parts?.['role'], parts?.['pools'], parts?.['labels']];
  if (role === undefined) {
    const forms = 'operator, operator@edge,core or viewer:team=payments';
    throw new CommandFailure(`"${text}" is no role that could be given: write ${forms}`);
  }
  const pairs = (labels ?? '').split(',').filter((pair) => pair !== '');
  const policyLabels = Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
  return { role, pools: pools?.split(',') ?? [], policyLabels };
}

export function grantText({ role, pools, policyLabels }: RoleGrant): string {
  const labels = Object.entries(policyLabels).map(([name, value]) => `${name}=${value}`);
  return [
    role,
    ...(pools.length > 0 ? [`@${pools.join(',')}`] : []),
    ...(labels.length > 0 ? [`:${labels.join(',')}`] : []),
  ].join('');
}

export const grantTexts = (grants: readonly RoleGrant[]): string => grants.map(grantText).join(' ');

import { describe, expect, it } from 'vitest';
import { Rights } from '../../../shared/access/authorize.ts';
import type { AccessRole } from '../../../shared/access/permissions.ts';
import type { RoleGrant } from '../../../shared/access/principal.ts';

const own: Record<string, AccessRole> = {
  deployer: {
    name: 'deployer',
    permissions: ['policies.read', 'policies.write', 'policies.run-as'],
    runAs: ['deploy'],
  },
  rooter: { name: 'rooter', permissions: ['policies.write', 'policies.run-as'], runAs: ['@keeper'] },
};
const ownRole = (name: string): AccessRole | undefined => own[name];
const rights = (...roles: RoleGrant[]): Rights => new Rights({ kind: 'user', roles }, ownRole);

describe('a role that is given', () => {
  it('for everything reaches everything', () => {
    const viewer = rights({ role: 'viewer' });
    expect(viewer.mayEverywhere('cluster.read')).toBe(true);
    expect(viewer.may('policies.read', { pool: 'edge', labels: {} })).toBe(true);
    expect(viewer.may('policies.operate', { pool: 'edge', labels: {} })).toBe(false);
  });

  it('for some pools reaches what is in these', () => {
    const operator = rights({ role: 'operator', pools: ['edge'] });
    expect(operator.may('servers.operate', { pool: 'edge' })).toBe(true);
    expect(operator.may('servers.operate', { pool: 'core' })).toBe(false);
    expect(operator.mayAnywhere('servers.operate')).toBe(true);
    expect(operator.mayEverywhere('servers.operate')).toBe(false);
  });

  it('for some labels reaches policies that have them all, and nothing that is no policy', () => {
    const operator = rights({ role: 'operator', policyLabels: { team: 'a', tier: '1' } });
    expect(operator.may('policies.operate', { pool: 'default', labels: { team: 'a', tier: '1', more: 'x' } })).toBe(
      true,
    );
    expect(operator.may('policies.operate', { pool: 'default', labels: { team: 'a' } })).toBe(false);
    expect(operator.may('servers.operate', { pool: 'default' })).toBe(false);
  });

  it('that is not there gives nothing', () => {
    expect(rights({ role: 'toString' }, { role: 'gone' }).mayAnywhere('pools.read')).toBe(false);
  });

  it('lets programs run as the users that it names', () => {
    const target = { pool: 'default', labels: {} };
    expect(rights({ role: 'deployer' }).mayRunAs('deploy', target)).toBe(true);
    expect(rights({ role: 'deployer' }).mayRunAs('', target)).toBe(false);
    expect(rights({ role: 'deployer' }).mayRunAs('root', target)).toBe(false);
    expect(rights({ role: 'rooter' }).mayRunAs('', target)).toBe(true);
    expect(rights({ role: 'admin' }).mayRunAs('', target)).toBe(true);
    expect(rights({ role: 'admin', pools: ['edge'] }).mayRunAs('', target)).toBe(false);
  });
});

describe('whoever gives roles', () => {
  it('gives no more than he has', () => {
    const admin = rights({ role: 'admin' });
    expect(admin.include([{ role: 'admin' }, { role: 'deployer' }], ownRole)).toBe(true);
    const local = rights({ role: 'admin', pools: ['edge'] });
    expect(local.include([{ role: 'operator', pools: ['edge'] }], ownRole)).toBe(true);
    expect(local.include([{ role: 'operator', pools: ['edge', 'core'] }], ownRole)).toBe(false);
    expect(local.include([{ role: 'operator' }], ownRole)).toBe(false);
    expect(rights({ role: 'operator' }).include([{ role: 'admin' }], ownRole)).toBe(false);
    expect(rights({ role: 'deployer' }).include([{ role: 'rooter' }], ownRole)).toBe(false);
    expect(admin.include([{ role: 'gone' }], ownRole)).toBe(false);
  });
});

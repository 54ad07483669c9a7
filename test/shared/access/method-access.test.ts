import { describe, expect, it } from 'vitest';
import { API_SERVICES } from '../../../controller/api/api-services.ts';
import { ruleOf } from '../../../shared/access/method-access.ts';
import { BUILT_IN_ROLES } from '../../../shared/access/permissions.ts';

const methods = API_SERVICES.flatMap((service) =>
  service.methods.map((method) => ({ name: `${service.typeName}/${method.name}`, method })),
);

describe('the methods of the API', () => {
  it('each say what a caller needs', () => {
    expect(methods.filter(({ method }) => ruleOf(method) === undefined).map(({ name }) => name)).toEqual([]);
  });

  it('are closed to those who hold nothing, but for what says that it is open', () => {
    const open = methods.filter(({ method }) => ruleOf(method)?.kind === 'everybody').map(({ name }) => name);
    expect(open).toEqual(['locum.v1.EnrolmentService/GetRoots', 'locum.v1.EnrolmentService/Join']);
  });

  it('give each role all that the one before it has', () => {
    const [viewer = [], operator = [], admin = []] = BUILT_IN_ROLES.map(
      ({ permissions }): readonly string[] => permissions,
    );
    expect(operator).toEqual(expect.arrayContaining([...viewer]));
    expect(admin).toEqual(expect.arrayContaining([...operator]));
    // What changes what runs is an administrator's.
    expect(operator).not.toContain('policies.write');
    expect(viewer).not.toContain('runs.output');
    expect(admin).not.toContain('audit.record');
  });
});

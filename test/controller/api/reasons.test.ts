/** Reasons that no other test of the API provokes (CONTRIBUTING, "A new error reason"). */
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../../shared/errors.ts';
import { fromConnectError } from '../../../shared/rpc/status-details.ts';
import { inWorld } from '../controller-world.ts';

const errorOf = async (call: Promise<unknown>) => fromConnectError(await call.catch((error: unknown) => error));
const workload = { kind: { case: 'command' as const, value: { argv: ['/bin/true'] } } };

describe('the API refuses', () => {
  it(
    'arguments for a continuous policy, with WRONG_TRIGGER',
    inWorld(async (world) => {
      await world.api.policies.createPolicy({ policy: { name: 'policies/always', workload } });
      await world.api.policies.stopPolicy({ name: 'policies/always' });
      const refused = await errorOf(world.api.policies.startPolicy({ name: 'policies/always', arguments: ['x'] }));
      expect(refused?.reason).toBe('WRONG_TRIGGER');
      expect(refused?.code).toBe('FAILED_PRECONDITION');
      expect(refused?.message).toContain('always');
      expect(errorCodes.WRONG_TRIGGER).toBe(refused?.code);
    }),
  );
});

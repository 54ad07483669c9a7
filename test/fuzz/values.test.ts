import { create, toBinary } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import { ConnectRequestSchema } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { MIB } from '../../shared/limits.ts';
import { Prng } from '../../shared/prng.ts';
import { ValueSource } from './values.ts';

it('a message of the fuzzer is sometimes larger than any listener takes, and never so large that the fuzzer ends by it', () => {
  // Nearly every list of this one is long.
  const prng = new Prng(7);
  const chance = prng.chance.bind(prng);
  prng.chance = (share) => chance(share < 0.01 ? 0.9 : share);
  const values = new ValueSource(prng, () => ['policies/p']);
  const sizes = Array.from(
    { length: 200 },
    () => toBinary(ConnectRequestSchema, create(ConnectRequestSchema, values.message(ConnectRequestSchema))).length,
  );
  const largest = Math.max(...sizes);
  expect(largest).toBeGreaterThan(4 * MIB);
  expect(largest).toBeLessThan(32 * MIB);
});

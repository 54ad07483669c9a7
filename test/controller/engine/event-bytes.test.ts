import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Event } from '../../../controller/core/cluster/event.ts';
import { eventBytes } from '../../../controller/engine/event-bytes.ts';
import { policyId } from '../../../shared/ids.ts';
import { policies } from '../codec/arbitrary-records.ts';

const heartbeat: Event = {
  kind: 'heartbeat',
  conn: 1,
  sequence: 1,
  generation: 1,
  capacity: undefined,
  capabilities: undefined,
};

describe('what an event holds in memory', () => {
  it('is at least all of its texts, wherever they are', () => {
    fc.assert(
      fc.property(policies, ({ spec }) => {
        const request = { kind: 'create_policy' as const, policy: policyId('p'), spec };
        const call: Event = {
          kind: 'call',
          call: 1,
          request,
          actor: '',
          origin: { method: '', source: '' },
          requestId: '',
          fingerprint: '',
          validateOnly: false,
        };
        let characters = 0;
        JSON.stringify(request, (_, value: unknown) => {
          if (typeof value === 'string') characters += value.length;
          return value;
        });
        expect(eventBytes(call)).toBeGreaterThanOrEqual(characters);
      }),
    );
  });

  it('is next to nothing for a heartbeat that says nothing new', () => {
    const told: Event = { ...heartbeat, capabilities: [{ name: 'x'.repeat(1_000), value: '', source: 'PROBE' }] };
    expect(eventBytes(heartbeat)).toBeLessThan(200);
    expect(eventBytes(told)).toBeGreaterThan(1_000);
  });
});

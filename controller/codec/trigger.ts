/** When a policy runs: core ⇄ locum.v1.Trigger. */
import { create } from '@bufbuild/protobuf';
import { type Trigger as PbTrigger, TriggerSchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import type { Trigger } from '../core/records/state.ts';
import { missedRunWords, overlapWords } from './words.ts';

export function triggerToProto(trigger: Trigger): PbTrigger {
  switch (trigger.kind) {
    case 'continuous':
      return create(TriggerSchema, { kind: { case: 'continuous', value: {} } });
    case 'on_demand':
      return create(TriggerSchema, { kind: { case: 'onDemand', value: {} } });
    case 'schedule': {
      const { cron, timeZone, missed, overlap } = trigger;
      const value = { cron, timeZone, missed: missedRunWords.to[missed], overlap: overlapWords.to[overlap] };
      return create(TriggerSchema, { kind: { case: 'schedule', value } });
    }
  }
}

/** Unset: continuous. */
export function triggerFromProto(trigger: PbTrigger | undefined): Trigger {
  const kind = trigger?.kind;
  switch (kind?.case) {
    case undefined:
    case 'continuous':
      return { kind: 'continuous' };
    case 'onDemand':
      return { kind: 'on_demand' };
    case 'schedule': {
      const { cron, timeZone } = kind.value;
      const missed = missedRunWords.from.get(kind.value.missed) ?? 'SKIP';
      return { kind: 'schedule', cron, timeZone, missed, overlap: overlapWords.from.get(kind.value.overlap) ?? 'SKIP' };
    }
  }
}

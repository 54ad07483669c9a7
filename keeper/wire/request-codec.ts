/** What an agent asks, as the core takes it. Whether it makes sense is the core's to judge. */
import type { AttachRequest, Deadline as DeadlineMessage } from '../../shared/gen/locum/keeper/v1/keeper_service_pb.ts';
import { EndCause } from '../../shared/gen/locum/v1/run_pb.ts';
import type { Deadline } from '../../shared/lease-clock.ts';
import type { Ask } from '../core/event.ts';
import type { ProcessWorkload } from '../drivers/process/launch-plan.ts';
import { termsFromMessage } from './kept-codec.ts';

/** Undefined: this keeper does not know what is asked, or it is not the core's business. */
export function askOf({ request }: AttachRequest): Ask | undefined {
  switch (request.case) {
    case 'start': {
      const { run, epoch, policy, deadline, command, baseEnv } = request.value;
      const workload: ProcessWorkload = { command, baseEnv };
      const terms = termsFromMessage(command ?? {});
      const slots = command?.slots ?? 0;
      return {
        kind: 'start',
        run,
        epoch: Number(epoch),
        policy,
        terms,
        slots,
        deadline: deadlineOf(deadline),
        workload,
      };
    }
    case 'extend':
      return {
        kind: 'extend',
        extensions: request.value.extensions.map(({ run, epoch, deadline }) => ({
          ...{ run, epoch: Number(epoch), deadline: deadlineOf(deadline) },
        })),
      };
    case 'stop': {
      const { run, epoch, reason, cause } = request.value;
      const word = cause === EndCause.LAPSED ? 'LAPSED' : 'STOPPED';
      return { kind: 'stop', attempt: { run, epoch: Number(epoch) }, reason: { cause: word, detail: reason } };
    }
    case 'forget': {
      const attempts = request.value.attempts.map(({ run, epoch }) => ({ run, epoch: Number(epoch) }));
      return { kind: 'forget', attempts };
    }
    case 'ping':
      return { kind: 'ping', highestTerm: Number(request.value.highestTerm) };
    case 'exit':
      return { kind: 'exit', stopAll: request.value.stopAll };
    case 'open':
    case 'read':
    case undefined:
      return undefined;
  }
}

/** Not a number: the core refuses it. */
function deadlineOf(message: DeadlineMessage | undefined): Deadline {
  return { mono: message?.monotonicMs ?? Number.NaN, boot: message?.bootMs ?? Number.NaN };
}

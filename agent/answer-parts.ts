/** Puts answers together that come in parts: a Welcome or Verdicts with `more_parts` is followed by a message of the same kind. */
import type { ConnectResponse } from '../shared/gen/locum/v1/agent_service_pb.ts';
import { LIMITS } from '../shared/limits.ts';

export class AnswerParts {
  #open: ConnectResponse | undefined;

  /** The whole answer with its last part; any other message as it is. @throws Error when the parts do not belong together */
  add(response: ConnectResponse): ConnectResponse | undefined {
    const { message } = response;
    const open = this.#open;
    if (message.case !== 'welcome' && message.case !== 'verdicts') {
      if (open !== undefined)
        throw new Error(`${message.case ?? 'nothing'} came between the parts of a ${open.message.case}`);
      return response;
    }
    if (open !== undefined) {
      const first = open.message;
      if (first.case !== message.case) throw new Error(`a part of ${message.case} came after one of ${first.case}`);
      message.value.verdicts = [...first.value.verdicts, ...message.value.verdicts];
      if (message.value.verdicts.length > LIMITS.inventoryAttempts)
        throw new Error(`more than ${LIMITS.inventoryAttempts} verdicts came`);
    }
    this.#open = message.value.moreParts ? response : undefined;
    return message.value.moreParts ? undefined : response;
  }
}

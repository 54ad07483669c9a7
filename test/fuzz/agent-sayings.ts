/** What agents say that mean no good: something about an attempt that they hold, with one thing wrong; or anything at all. */
import { create, toBinary } from '@bufbuild/protobuf';
import { ConnectRequestSchema } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import type { Prng } from '../../shared/prng.ts';
import type { FuzzAgent } from './fuzz-agent.ts';
import { mutateBytes, type ValueSource } from './values.ts';

type Speaker = Pick<FuzzAgent, 'held' | 'lastCommandId'>;

export class AgentSayings {
  readonly #prng: Prng;
  readonly #values: ValueSource;

  constructor(prng: Prng, values: ValueSource) {
    this.#prng = prng;
    this.#values = values;
  }

  next(speaker: Speaker): Uint8Array {
    const said = this.#prng.chance(0.8) ? this.#likely(speaker) : this.#values.message(ConnectRequestSchema);
    const bytes = toBinary(ConnectRequestSchema, said);
    return this.#prng.chance(0.3) ? mutateBytes(this.#prng, bytes) : bytes;
  }

  #likely({ held, lastCommandId }: Speaker) {
    const attempt = { ...this.#prng.pick(held), state: this.#prng.int(1, 6), pid: 7 };
    const cases = [
      { case: 'attemptReport', value: { attempts: [attempt] } },
      { case: 'fullState', value: { attempts: [attempt], lastPart: true, generation: 1n } },
      { case: 'commandResult', value: { commandId: lastCommandId, outcome: this.#prng.int(1, 5) } },
      { case: 'goodbye', value: { attempts: [attempt], reason: 'LEAVE' } },
      {
        case: 'heartbeat',
        value: { sequence: 1n, capacity: { maxSlots: 5 }, capabilities: { capabilities: [{ name: 'a' }] } },
      },
      { case: 'outputChunk', value: { requestId: 1n, size: 5n } },
    ];
    const message = create(ConnectRequestSchema, { message: this.#prng.pick(cases) } as never);
    return this.#values.mutate(ConnectRequestSchema, message);
  }
}

/** For code that runs inside a policy: whether its attempt may still act (docs/guarantees.md). */
import type { CallOptions, Client } from '@connectrpc/connect';
import type { CheckFenceResponse, FenceService } from '../../shared/gen/locum/v1/fence_service_pb.ts';

/** Another attempt may be running: what is left undone must stay undone here. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
  /** What the controller knows: the verdict, the newest epoch, and where that runs. */
  readonly answer: CheckFenceResponse;

  constructor(answer: CheckFenceResponse) {
    super(answer.message);
    this.answer = answer;
  }
}

export interface FenceOptions {
  readonly fences: Pick<Client<typeof FenceService>, 'checkFence'>;
  /** Default: the environment of this process, as the keeper set it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export class Fence {
  /** `policies/{policy}`. */
  readonly policy: string;
  /** `runs/{run}`. */
  readonly run: string;
  /**
   * LOCUM_EPOCH: higher for each later attempt of a run. A check says what was true a moment ago; what must never be written twice has to
   * refuse a token that is lower than one it has seen, in the write itself.
   */
  readonly token: bigint;
  readonly #fences: FenceOptions['fences'];

  /** @throws RangeError outside of a policy: then there is no attempt that could be fenced */
  constructor({ fences, env = process.env }: FenceOptions) {
    const [policy = '', run = '', epoch = ''] = [env['LOCUM_POLICY'], env['LOCUM_RUN'], env['LOCUM_EPOCH']];
    if (policy === '' || run === '' || !/^[1-9]\d*$/.test(epoch)) {
      throw new RangeError('LOCUM_POLICY, LOCUM_RUN and LOCUM_EPOCH are not set: this does not run inside a policy');
    }
    this.policy = named('policies/', policy);
    this.run = named('runs/', run);
    this.token = BigInt(epoch);
    this.#fences = fences;
  }

  /** Asks the controllers. @throws when they can't be asked: then nothing is known, and the careful go on as if fenced */
  check(options?: CallOptions): Promise<CheckFenceResponse> {
    return this.#fences.checkFence({ policy: this.policy, run: this.run, epoch: this.token }, options);
  }

  /** @throws FencedError when the attempt was superseded or has ended; what check() throws */
  async assertCurrent(options?: CallOptions): Promise<void> {
    const answer = await this.check(options);
    if (!answer.current) throw new FencedError(answer);
  }
}

const named = (collection: string, id: string): string => (id.startsWith(collection) ? id : `${collection}${id}`);

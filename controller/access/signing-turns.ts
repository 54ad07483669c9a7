/** Whose turn it is to have a certificate signed: one row for all that is signed for servers, whichever call asks for it. */
import { LocumError } from '../../shared/errors.ts';
import { SigningPace } from './signing-pace.ts';

export class SigningTurns {
  readonly #pace = new SigningPace();
  readonly #nowMs: () => number;

  /** `nowMs`: monotonic. Default: of this process. */
  constructor(nowMs = (): number => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Asked once it is known that this server may have one: what strangers ask takes nobody's turn. @throws LocumError with the time to come again */
  take(server: string): void {
    const turn = this.#pace.ask(server, this.#nowMs());
    if (turn.kind === 'NOW') return;
    const { afterMs: retryAfterMs } = turn;
    if (turn.for === 'SERVER') {
      const message = `${server} was given too many certificates just now`;
      throw new LocumError('TOO_MANY_REQUESTS', message, { retryAfterMs });
    }
    const message = 'many servers join or renew their certificates just now: it is your turn in a while';
    throw new LocumError('OVERLOADED', message, { retryAfterMs });
  }
}

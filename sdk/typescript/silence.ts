/** Watches that fall silent, for transports that can't ping. */
import { Code, ConnectError, type Transport } from '@connectrpc/connect';

/** Controllers send a bookmark every 10 s. */
const SILENCE_MS = 25_000;

/**
 * Ends watches that say nothing for so long, as if their connection had broken: they are then opened again. A host that lost its power closes
 * no connection, and a browser waits for minutes.
 */
export function endSilence(transport: Transport, silenceMs = SILENCE_MS): Transport {
  return {
    unary: (...call) => transport.unary(...call),
    async stream(method, signal, ...call) {
      if (!method.name.startsWith('Watch')) return transport.stream(method, signal, ...call);
      const silence = new Silence(silenceMs);
      silence.begin();
      const either = signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]);
      try {
        const answer = await transport.stream(method, either, ...call);
        return { ...answer, message: heard(answer.message, silence) };
      } catch (error) {
        silence.end();
        throw error;
      }
    },
  };
}

class Silence {
  readonly #limitMs: number;
  readonly #ending = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  begin(): void {
    const error = (): ConnectError => new ConnectError('the controller says nothing any more', Code.Unavailable);
    this.#timer = setTimeout(() => this.#ending.abort(error()), this.#limitMs);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

async function* heard<T>(messages: AsyncIterable<T>, silence: Silence): AsyncGenerator<T> {
  try {
    for await (const message of messages) {
      // Its reader may take its time.
      silence.end();
      yield message;
      silence.begin();
    }
  } finally {
    silence.end();
  }
}

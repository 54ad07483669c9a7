/**
 * Who may begin a TLS handshake: whole ones cost a processor about 1.1 ms each, and nothing is known of whoever begins one but his address.
 * So an address has so many, and one more each so often; but what ends with a certificate that is let in is not the address's, it is counted
 * by the name in the certificate, of which each has its own few. A thousand agents behind one address are a thousand names; somebody who
 * shakes hands over and over is one address, or one name and then his address. Pure.
 */
import { Pace, type PaceOptions } from '../pace.ts';

export interface HandshakePaceOptions {
  /** Those of nobody, those that fail, and those under way. */
  readonly address: PaceOptions;
  /** Those that ended with a certificate; further ones are the address's. */
  readonly name: PaceOptions;
}

/** Of each listener: one twentieth of a processor for an address, one thousandth for a name. */
export const defaultHandshakePace: HandshakePaceOptions = {
  address: { burst: 500, everyMs: 20 },
  name: { burst: 20, everyMs: 1_000 },
};

export class HandshakePace {
  readonly #addresses: Pace;
  readonly #names: Pace;

  constructor({ address, name }: HandshakePaceOptions = defaultHandshakePace) {
    this.#addresses = new Pace(address);
    this.#names = new Pace(name);
  }

  /** False: not now. `nowMs`: of a monotonic clock. */
  begin(address: string, nowMs: number): boolean {
    if (this.#addresses.waitMs(address, nowMs) > 0) return false;
    this.#addresses.take(address, nowMs);
    return true;
  }

  /** One that began from there has shown a certificate that is let in, of this one: `server/web-1`. */
  prove(address: string, name: string, nowMs: number): void {
    if (this.#names.waitMs(name, nowMs) > 0) return;
    this.#names.take(name, nowMs);
    this.#addresses.giveBack(address);
  }
}

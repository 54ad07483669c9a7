/** What a controller notes beside its membership: several parts of it say something, and a note is one text. Plain JSON, as candidates are. */
import type { ControllerCertificate } from '../core/records/authority.ts';
import type { Member, Store } from '../store/store.ts';
import { decodeCandidate } from './candidate.ts';
import type { RefusedHellos } from './refused-hellos.ts';

export class MemberNotes {
  readonly #store: Pick<Store, 'note'>;
  #refused: RefusedHellos | undefined;
  #certificate: ControllerCertificate | undefined;

  constructor(store: Pick<Store, 'note'>) {
    this.#store = store;
  }

  /** Rejects with StoreError. */
  async noteRefused(refused: RefusedHellos): Promise<void> {
    this.#refused = refused;
    await this.#write();
  }

  /** Rejects with StoreError. */
  async noteCertificate(certificate: ControllerCertificate): Promise<void> {
    this.#certificate = certificate;
    await this.#write();
  }

  async #write(): Promise<void> {
    await this.#store.note(encodeNote({ refused: this.#refused, certificate: this.#certificate }));
  }
}

export function encodeNote({
  refused,
  certificate,
}: {
  readonly refused?: RefusedHellos | undefined;
  readonly certificate?: ControllerCertificate | undefined;
}): string {
  const tls = certificate && { ...certificate, id: undefined };
  return JSON.stringify({ term: refused?.term, refusedHellos: refused?.count, tls });
}

/** What a controller noted of its certificate. One that noted nothing trusts nothing, as far as is known. */
export function certificateOf({ candidate, note }: Member): ControllerCertificate {
  const { id } = decodeCandidate(candidate);
  const said = fieldsOf(fieldsOf(parsed(note)).get('tls'));
  const issuer = said.get('issuer');
  const [trusts, signs, opens] = ['trusts', 'signs', 'opens'].map((name) => textsIn(said.get(name)));
  return {
    ...{ id, trusts: trusts ?? [], signs: signs ?? [], opens: opens ?? [] },
    issuer: typeof issuer === 'string' ? issuer : undefined,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const fieldsOf = (value: unknown): ReadonlyMap<string, unknown> =>
  new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);

const textsIn = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];

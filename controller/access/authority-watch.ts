/**
 * Follows the record of the authority while a controller runs, whoever leads: what it trusts and shows is as the record says within a second
 * or so. Beside its membership it notes how far it is. Whoever leads sees to it that the keys in the store are wrapped with the first of
 * the wrapping keys, once all controllers can open that.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../shared/caught-error.ts';
import { deepEqual } from '../../shared/deep-equal.ts';
import type { Logger } from '../../shared/log.ts';
import type { ApiContext } from '../api/api-context.ts';
import type { AuthorityRecord, ControllerCertificate } from '../core/records/authority.ts';
import { AUTHORITY_KEY } from '../core/records/authority.ts';
import type { Deviation } from '../core/views.ts';
import type { LeaderTerm } from '../leadership/leader-term.ts';
import { certificateOf } from '../replication/member-notes.ts';
import type { Replica } from '../replication/replica.ts';
import type { Store } from '../store/store.ts';
import type { ControllerTls } from './controller-tls.ts';
import { writeLocalRoots } from './secrets.ts';
import { authorityOf } from './stored-authority.ts';

export interface AuthorityWatchOptions {
  readonly tls: ControllerTls;
  readonly store: Pick<Store, 'members' | 'kind'>;
  readonly replica: Pick<Replica, 'copy' | 'notes'>;
  /** Undefined: this controller does not lead. */
  readonly leaderTerm: () => Pick<LeaderTerm, 'state' | 'call'> | undefined;
  readonly dataDirectory: string | undefined;
  readonly log: Logger;
}

const LOOK_MS = 1_000;
/** Every so many looks the keys are looked for on the disk. */
const KEYS_EVERY = 3;
/** And whether the note is there: nothing is noted before this controller has joined, and a note goes with its lease. */
const NOTE_EVERY = 5;

export class AuthorityWatch {
  readonly #options: AuthorityWatchOptions;
  #noted: ControllerCertificate | undefined;
  #roots: string;
  #problem: string | undefined;
  #sinceWall = 0;

  constructor(options: AuthorityWatchOptions) {
    this.#options = options;
    this.#roots = options.tls.authority.rootsPem;
  }

  /** Until the signal. */
  async follow(signal: AbortSignal): Promise<void> {
    for (let look = 0; !signal.aborted; look += 1) {
      try {
        await this.#look(look);
      } catch (error) {
        this.#options.log.debug({ err: error }, 'the certificate authority was not looked at just now');
      }
      await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** For the calls of the API. */
  get api(): Pick<ApiContext, 'signer' | 'authority'> {
    const { tls, store } = this.#options;
    const isAlone = store.kind !== 'etcd';
    return {
      signer: tls.authority,
      authority: {
        ...{ holder: tls.authority, isAlone },
        controllers: () => this.controllers(),
        follow: () => this.#adopt().catch(() => undefined),
      },
    };
  }

  /** What all controllers say of themselves; this one says what it is now. Rejects with StoreError. */
  async controllers(): Promise<readonly ControllerCertificate[]> {
    const own = this.#options.tls.word;
    const others = (await this.#options.store.members()).map(certificateOf).filter(({ id }) => id !== own.id);
    return [own, ...others];
  }

  /** Of the leader: that it can't sign. */
  get trouble(): readonly Deviation[] {
    const { tls } = this.#options;
    const { canSign, problem } = tls.authority;
    if (canSign && problem === undefined) return [];
    const why = problem ?? 'its key is not on the host of the leader';
    const message = canSign ? why : `no certificates are signed, those that are there go on: ${why}`;
    return [
      {
        ...{ resource: `controllers/${tls.word.id}`, reason: 'AUTHORITY_KEY_MISSING', message },
        ...{ sinceWall: this.#sinceWall || undefined, etaWall: undefined, command: 'locum pki status' },
      },
    ];
  }

  async #look(look: number): Promise<void> {
    const { tls } = this.#options;
    if (look % KEYS_EVERY === 0) tls.authority.ring.refresh();
    await this.#adopt();
    this.#tellProblem();
    const { word } = tls;
    if (!deepEqual(word, this.#noted) || (look % NOTE_EVERY === 0 && !(await this.#isNoted(word)))) {
      await this.#options.replica.notes.noteCertificate(word);
      this.#noted = word;
    }
    await this.#rewrap();
  }

  async #adopt(): Promise<void> {
    const record = this.#record();
    if (record !== undefined) await this.#options.tls.adopt(record);
    this.#writeRoots();
  }

  async #isNoted(word: ControllerCertificate): Promise<boolean> {
    const members = await this.#options.store.members();
    return members.map(certificateOf).some((one) => deepEqual(one, word));
  }

  #record(): AuthorityRecord | undefined {
    const { leaderTerm, replica } = this.#options;
    const term = leaderTerm();
    if (term !== undefined) return term.state.authority;
    const bytes = replica.copy.read(AUTHORITY_KEY);
    return bytes && authorityOf(bytes);
  }

  #tellProblem(): void {
    const { problem } = this.#options.tls.authority;
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#sinceWall = problem === undefined ? 0 : Date.now();
    if (problem === undefined) this.#options.log.info('the keys of the certificate authority can be read again');
    else this.#options.log.error(`keys of the certificate authority can not be read: ${problem}`);
  }

  /** For this host's administrator. */
  #writeRoots(): void {
    const { tls, dataDirectory } = this.#options;
    const { rootsPem } = tls.authority;
    if (rootsPem === this.#roots || dataDirectory === undefined) return;
    writeLocalRoots(dataDirectory, rootsPem);
    this.#roots = rootsPem;
  }

  async #rewrap(): Promise<void> {
    const { tls, leaderTerm, log } = this.#options;
    const { ring, record } = tls.authority;
    const term = leaderTerm();
    const first = ring.wrapping?.firstId;
    if (term === undefined || first === undefined) return;
    const stale = record.roots.filter(({ wrapped }) => wrapped?.by !== first);
    if (stale.length === 0) return;
    const others = await this.controllers();
    if (others.some(({ opens }) => !opens.includes(first))) return;
    const keys = stale.flatMap((root) => {
      const keyPem = ring.keyOf(root);
      const wrapped = keyPem === undefined ? undefined : ring.wrap(root.hash, keyPem);
      return wrapped === undefined ? [] : [{ hash: root.hash, wrapped }];
    });
    if (keys.length === 0) return;
    const own = { actor: 'controller', origin: { method: '', source: '' }, requestId: '', fingerprint: '' };
    await term
      .call({ ...own, validateOnly: false, request: { kind: 'rewrap_authority', keys, present: record } })
      .catch((error: unknown) => log.warn(`the key of the authority was not wrapped anew: ${messageOf(error)}`));
  }
}

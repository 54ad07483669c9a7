/** What a controller has for access, put together: who is let in to its API, and how it says to the others for whom it passes calls on. */

import type { DescService } from '@bufbuild/protobuf';
import type { Interceptor } from '@connectrpc/connect';
import type { Logger } from '../../shared/log.ts';
import type { HttpHandler } from '../../shared/rpc/http-handler.ts';
import { HOUR } from '../../shared/time.ts';
import type { LeaderTerm } from '../leadership/leader-term.ts';
import type { Replica } from '../replication/replica.ts';
import type { Notes } from './access-audit.ts';
import { type Accounts, accountsFrom, accountsIn } from './accounts.ts';
import { admitted, pathRules } from './admission.ts';
import { ControllerKeys } from './controller-keys.ts';
import { Doorkeeper } from './doorkeeper.ts';
import type { ProviderSettings } from './oidc/provider-settings.ts';
import { ProviderTokens } from './oidc/provider-tokens.ts';
import { recheck } from './recheck.ts';
import { openLocalToken } from './secrets.ts';
import { Vouching } from './vouching.ts';

export interface AccessPartsOptions {
  /** Id of this controller. */
  readonly self: string;
  /** Nobody is asked who he is. */
  readonly open: boolean;
  /** Where the token of this host's administrator is kept. Undefined: there is none. */
  readonly dataDirectory: string | undefined;
  /** By which callers know this controller. Default: it speaks plaintext. */
  readonly rootsPem?: string | undefined;
  readonly log: Logger;
  /** The term of this controller; undefined: it does not lead. */
  readonly leaderTerm: () => LeaderTerm | undefined;
  readonly replica: () => Pick<Replica, 'copy' | 'controllers' | 'catchUp'>;
  /** Whose tokens are taken besides ours. Default: nobody's. */
  readonly providers?: readonly ProviderSettings[] | undefined;
  readonly shutdownSignal: AbortSignal;
}

/** What the listener of the API asks. */
export interface ApiAccess {
  readonly admitted: (handler: HttpHandler, defect: (error: unknown) => void) => HttpHandler;
  readonly recheck: Interceptor;
}

export class AccessParts {
  readonly vouching: Vouching;
  readonly #options: AccessPartsOptions;
  readonly #doorkeeper: Doorkeeper;
  readonly #noting = new Set<string>();

  /** @throws ExposedFileError when others can read the token of this host's administrator */
  constructor(options: AccessPartsOptions) {
    const { self, open, dataDirectory, rootsPem, log, leaderTerm, providers = [] } = options;
    this.#options = options;
    this.vouching = new Vouching(self);
    const local = open || dataDirectory === undefined ? undefined : openLocalToken(dataDirectory, rootsPem);
    if (local !== undefined) log.info({ file: local.file }, 'whoever can read this file administers the cluster');
    this.#doorkeeper = new Doorkeeper({
      open,
      accounts: () => this.#accounts,
      catchUp: () => (leaderTerm() === undefined ? this.#catchUp() : undefined),
      localHash: local?.hash,
      keys: new ControllerKeys({
        controllers: () => this.#options.replica().controllers,
        nowMono: () => performance.now(),
      }),
      nowWall: Date.now,
      used: (token) => this.#noteUse(token),
      provider: providerTokens(providers, options),
    });
  }

  /** Of the API listener. */
  api(services: readonly DescService[], notes: Notes): ApiAccess {
    const rules = pathRules(services);
    const doorkeeper = this.#doorkeeper;
    return {
      admitted: (handler, defect) => admitted(handler, { doorkeeper, rules, notes, defect }),
      recheck: recheck(doorkeeper),
    };
  }

  get #accounts(): Accounts | undefined {
    const { leaderTerm, replica } = this.#options;
    const term = leaderTerm();
    if (term !== undefined) return accountsIn(term.state.access);
    const { copy } = replica();
    return copy.revision === undefined ? undefined : accountsFrom((key) => copy.read(key));
  }

  /** Rejects with LocumError STORE_UNAVAILABLE, OVERLOADED, unless this controller leads meanwhile. */
  async #catchUp(): Promise<void> {
    const { leaderTerm, replica } = this.#options;
    try {
      await replica().catchUp.caughtUp();
    } catch (error) {
      if (leaderTerm() === undefined) throw error;
    }
  }

  /** Of the leader: that a token is used is written down, to the hour. */
  #noteUse(id: string): void {
    const term = this.#options.leaderTerm();
    const token = term?.state.access.tokens.get(id);
    if (term === undefined || token === undefined || this.#noting.has(id)) return;
    if (token.lastUseWall !== undefined && Date.now() - token.lastUseWall < HOUR) return;
    this.#noting.add(id);
    const own = { actor: 'controller', origin: { method: '', source: '' }, requestId: '', fingerprint: '' };
    void term
      .call({ ...own, validateOnly: false, request: { kind: 'note_token_use', id } })
      // It is noted at the next use.
      .catch(() => undefined)
      .finally(() => this.#noting.delete(id));
  }
}

/** Not waited for: whoever shows another credential has nothing to do with them. */
function providerTokens(
  providers: readonly ProviderSettings[],
  { log, shutdownSignal }: Pick<AccessPartsOptions, 'log' | 'shutdownSignal'>,
): ProviderTokens | undefined {
  if (providers.length === 0) return undefined;
  const tokens = new ProviderTokens(providers, { log });
  void tokens.warmUp();
  tokens.keepFresh(shutdownSignal);
  return tokens;
}

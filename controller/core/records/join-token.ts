/** Join tokens, as they are kept: what they are good for, and never what proves that somebody has one. */
import type { PoolId, ServerId } from '../../../shared/ids.ts';

/** Replaced whole, never changed. */
export interface JoinToken {
  readonly kind: 'join_token';
  readonly id: string;
  /** SHA-256 of its secret, hexadecimal. The secret has 160 random bits: nothing slower is needed to keep it from being guessed. */
  readonly secretHash: string;
  /** The only server that it is for. Undefined: any. */
  readonly server: ServerId | undefined;
  /** Names of servers that it is for, `*` for any characters. Empty: any. */
  readonly serverPattern: string;
  /** The only pool that it is for. Undefined: any. */
  readonly pool: PoolId | undefined;
  /** Who made it, in the words of the event log. */
  readonly creator: string;
  readonly createWall: number;
  readonly expireWall: number;
  readonly state: JoinTokenState;
}

export type JoinTokenState =
  | { readonly kind: 'ACTIVE' }
  | {
      readonly kind: 'USED';
      readonly endWall: number;
      readonly server: ServerId;
      /** Of the key that was certified, hexadecimal; its holder may ask again when the answer was lost. */
      readonly keyHash: string;
      /** Address that it was used from. Empty: it was used before this was noted. */
      readonly source: string;
    }
  | { readonly kind: 'REVOKED' | 'EXPIRED'; readonly endWall: number };

export const joinTokenName = ({ id }: Pick<JoinToken, 'id'>): string => `joinTokens/${id}`;

/** How long one that ended is kept, so that whoever comes with it is told why it does not do. */
export const ENDED_TOKEN_KEPT_MS = 86_400_000;

/** Whether a name fits a pattern in which `*` stands for any characters, none included. In time linear in both, for any pattern. */
export function fitsPattern(name: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (!name.startsWith(first)) return false;
  const last = rest.pop();
  if (last === undefined) return name === first;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

/** Pages of lists. A token says where the last page ended and which question it belongs to; it keeps nothing on the server. */
import { createHash } from 'node:crypto';
import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { badField, type LocumError } from '../../shared/errors.ts';
import { LIMITS } from '../../shared/limits.ts';

export const DEFAULT_PAGE_SIZE = 100;

export interface PageRequest {
  /** 0: the default; too big: the maximum. The rules of the protos refuse negative ones. */
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface PageOf<Shown> {
  readonly shown: Shown[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** How a list is ordered, shown and cut. */
export interface Paging<T, Desc extends DescMessage> {
  /** Method and arguments other than the page: a token is good for these only. */
  readonly question: readonly unknown[];
  /** Where an item stands, as text. */
  readonly cursorOf: (item: T) => string;
  /** Index of the first item behind a cursor. The item that it was made of may be gone. Undefined: no such cursor. */
  readonly indexAfter: (items: readonly T[], cursor: string) => number | undefined;
  readonly schema: Desc;
  readonly show: (item: T) => MessageShape<Desc>;
}

/**
 * Cuts one page out of an ordered list: by number, and by bytes, of which a resource can have many. It has one item at least.
 * @throws LocumError PAGE_TOKEN_INVALID
 */
export function pageOf<T, Desc extends DescMessage>(
  items: readonly T[],
  { pageSize, pageToken }: PageRequest,
  paging: Paging<T, Desc>,
): PageOf<MessageShape<Desc>> {
  const size = Math.min(pageSize === 0 ? DEFAULT_PAGE_SIZE : pageSize, LIMITS.pageItems);
  const scope = scopeOf(paging.question);
  const start = pageToken === '' ? 0 : startOf(items, pageToken, scope, paging);
  const shown: MessageShape<Desc>[] = [];
  let room = LIMITS.pageBytes;
  for (const item of items.slice(start, start + size)) {
    const message = paging.show(item);
    room -= toBinary(paging.schema, message).length;
    if (room < 0 && shown.length > 0) break;
    shown.push(message);
  }
  const end = start + shown.length;
  const last = items[end - 1];
  const more = end < items.length && last !== undefined;
  return { shown, nextPageToken: more ? encode([scope, paging.cursorOf(last)]) : '' };
}

function startOf<T>(
  items: readonly T[],
  pageToken: string,
  scope: string,
  { indexAfter }: Pick<Paging<T, DescMessage>, 'indexAfter'>,
): number {
  const [tokenScope, cursor] = decode(pageToken);
  const start = tokenScope === scope && cursor !== undefined ? indexAfter(items, cursor) : undefined;
  if (start === undefined) throw invalidToken();
  return start;
}

/** For lists in ascending order of what the cursor is. */
export function indexAfterText<T>(cursorOf: (item: T) => string): Paging<T, DescMessage>['indexAfter'] {
  return (items, cursor) => firstIndex(items, (item) => cursorOf(item) > cursor);
}

/** For lists in descending order of a number. */
export function indexAfterNumber<T>(numberOf: (item: T) => number): Paging<T, DescMessage>['indexAfter'] {
  return (items, cursor) => {
    const number = Number(cursor);
    return Number.isSafeInteger(number) ? firstIndex(items, (item) => numberOf(item) < number) : undefined;
  };
}

function firstIndex<T>(items: readonly T[], behind: (item: T) => boolean): number {
  const index = items.findIndex(behind);
  return index < 0 ? items.length : index;
}

function scopeOf(question: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(question)).digest('base64url').slice(0, 12);
}

function encode(token: readonly string[]): string {
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

function decode(token: string): readonly (string | undefined)[] {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    return Array.isArray(parsed) && parsed.every((part) => typeof part === 'string') ? parsed : [];
  } catch {
    return [];
  }
}

function invalidToken(): LocumError {
  return badField(
    'PAGE_TOKEN_INVALID',
    'page_token',
    'is not from this list with these arguments: start with an empty one',
  );
}

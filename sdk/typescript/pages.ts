/** Lists are read to their end: who asks for all servers wants all of them. */
export interface Page {
  readonly nextPageToken: string;
}

/** The most that a controller puts on one page. */
export const PAGE_SIZE = 1_000;

/** Page after page; the next one is asked for when it is wanted. */
export async function* eachPage<P extends Page>(read: (pageToken: string) => Promise<P>): AsyncGenerator<P> {
  let token = '';
  do {
    const page = await read(token);
    yield page;
    token = page.nextPageToken;
  } while (token !== '');
}

/**
 * Item after item over all pages:
 * `eachItem((pageToken) => locum.runs.listRuns({ pageToken }), (page) => page.runs)`.
 */
export async function* eachItem<P extends Page, T>(
  read: (pageToken: string) => Promise<P>,
  itemsOf: (page: P) => Iterable<T>,
): AsyncGenerator<T> {
  for await (const page of eachPage(read)) yield* itemsOf(page);
}

/** All pages; at most `limit` items where given (`size` counts those of a page). */
export async function readPages<P extends Page>(
  read: (pageToken: string) => Promise<P>,
  limit?: { readonly items: number; readonly size: (page: P) => number },
): Promise<P[]> {
  const pages: P[] = [];
  let items = 0;
  for await (const page of eachPage(read)) {
    pages.push(page);
    items += limit?.size(page) ?? 0;
    if (limit !== undefined && items >= limit.items) break;
  }
  return pages;
}

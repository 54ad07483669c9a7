/** Lists are read to their end: a person who asks for all servers wants all of them. */
export interface Page {
  readonly nextPageToken: string;
}

export const PAGE_SIZE = 1_000;

/** All pages; at most `limit` items where given (`size` counts those of a page). */
export async function readPages<P extends Page>(
  read: (pageToken: string) => Promise<P>,
  limit?: { readonly items: number; readonly size: (page: P) => number },
): Promise<P[]> {
  const pages: P[] = [];
  let items = 0;
  let token = '';
  do {
    const page = await read(token);
    pages.push(page);
    items += limit?.size(page) ?? 0;
    token = page.nextPageToken;
  } while (token !== '' && (limit === undefined || items < limit.items));
  return pages;
}

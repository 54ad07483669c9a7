/** `--watch`: the list as it is, then one line for each change. */
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { followResources, type ResourceMessage } from '../../sdk/typescript/resume.ts';
import type { Globals } from '../globals.ts';
import { lookOf, printLine, printStreamed } from './print.ts';
import { tellBroken } from './stream-notices.ts';
import { type Column, Table } from './table.ts';
import { idOf } from './words.ts';

/** A resource as it is now, the name of a deleted one, or a bookmark. */
export type Change<R> =
  | { readonly case: 'deleted'; readonly value: string }
  | { readonly case: string; readonly value: R }
  | { readonly case: undefined; readonly value?: undefined };

export interface WatchedTable<Desc extends DescMessage, R> {
  readonly schema: Desc;
  readonly columns: readonly Column<R>[];
  readonly open: (revision: bigint) => AsyncIterable<MessageShape<Desc> & ResourceMessage>;
  readonly change: (message: MessageShape<Desc>) => Change<R>;
  readonly wanted: (resource: R) => boolean;
  /** Order of the list at the beginning: below zero when the first comes first. */
  readonly before: (a: R, b: R) => number;
}

/** Goes on until interrupted. With `-o json`, `yaml` or a template: the messages of the stream as they are. */
export async function watchTable<Desc extends DescMessage, R extends { readonly name: string }>(
  globals: Pick<Globals, 'output' | 'columns' | 'sort' | 'template'>,
  { schema, columns, open, change, wanted, before }: WatchedTable<Desc, R>,
): Promise<void> {
  const table = new Table(columns, lookOf(globals));
  let snapshot: R[] | undefined = [];
  /** What each resource said last: a resource that is sent again with nothing new in these columns is not shown again. */
  const shown = new Map<string, string>();
  const isNews = (resource: R): boolean => {
    const news = table.newsOf(resource);
    const before = shown.get(resource.name);
    shown.set(resource.name, news);
    return news !== before;
  };
  const show = (resource: R): void => printLine(globals.output === 'name' ? resource.name : table.renderRow(resource));
  for await (const message of followResources({ open, onBroken: tellBroken })) {
    if (globals.output === 'json' || globals.output === 'yaml' || globals.template !== undefined) {
      await printStreamed(globals, schema, message, { table: () => '', names: () => [] });
      continue;
    }
    const changed = change(message);
    if (typeof changed.value === 'string') {
      shown.delete(changed.value);
      if (globals.output !== 'name') printLine(`${idOf(changed.value)} was deleted`);
    } else if (changed.value !== undefined && wanted(changed.value) && isNews(changed.value)) {
      if (snapshot === undefined) show(changed.value);
      else snapshot.push(changed.value);
    }
    if (message.snapshotEnd && snapshot !== undefined) {
      const first = snapshot.sort(before);
      snapshot = undefined;
      if (globals.output === 'name') for (const resource of first) printLine(resource.name);
      else printLine(table.render(first));
    }
  }
}

/** The audit as a feed reads it: the entries of both logs with the position behind each, and how much there is of them. */
import type { AuditEntry, AuditHead } from '../../shared/access/audit-chain.ts';
import { firstOfIncarnation, incarnationOf } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { FeedNews, FeedSource } from '../feeds/feed.ts';
import { type AuditNews, type AuditPosition, positionAfter } from './audit-position.ts';

export interface AuditSourceOptions {
  /** Where both logs stand now; undefined: it is not known here. */
  readonly heads: () => readonly AuditHead[] | undefined;
  /** Ends when the leader does. Undefined: there is none now, or it is not for this sink. */
  readonly open: (after: AuditPosition, signal: AbortSignal) => AsyncIterable<AuditNews> | undefined;
  /** The sink's. */
  readonly name: string;
  readonly log: Pick<Logger, 'warn'>;
}

export class AuditSource implements FeedSource<AuditEntry, AuditPosition> {
  readonly #options: AuditSourceOptions;
  /** As they were heard of last. */
  #heads: readonly AuditHead[] = [];

  constructor(options: AuditSourceOptions) {
    this.#options = options;
  }

  behind(reached: AuditPosition): number {
    const heads = this.#options.heads() ?? this.#heads;
    return heads.reduce((sum, { log, head }) => sum + entriesBetween(reached[log], head.number), 0);
  }

  open(after: AuditPosition, signal: AbortSignal): AsyncIterable<FeedNews<AuditEntry, AuditPosition>> | undefined {
    const news = this.#options.open(after, signal);
    return news && this.#read(news, after);
  }

  async *#read(
    news: AsyncIterable<AuditNews>,
    after: AuditPosition,
  ): AsyncGenerator<FeedNews<AuditEntry, AuditPosition>> {
    let reached = after;
    let isFirst = true;
    for await (const one of news) {
      if (one.kind === 'entry') {
        reached = positionAfter(reached, [one.entry]);
        yield { kind: 'item', item: one.entry, reached };
      } else {
        this.#heads = one.heads;
        if (isFirst) this.#tellMissing(after);
        yield { kind: 'all', reached };
      }
      isFirst = false;
    }
  }

  #tellMissing(after: AuditPosition): void {
    const { name, log } = this.#options;
    for (const { log: of, dropped } of this.#heads) {
      const reached = after[of];
      if (reached === 0 || dropped.number <= reached) continue;
      log.warn(
        { sink: name, log: of, after: reached, upTo: dropped.number },
        'entries of the audit are not kept any more, and the sink lacks them',
      );
    }
  }
}

/** Numbers of each incarnation begin anew, far above. */
function entriesBetween(reached: number, head: number): number {
  return Math.max(0, head - Math.max(reached, firstOfIncarnation(incarnationOf(head))));
}

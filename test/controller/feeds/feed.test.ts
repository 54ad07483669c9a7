import { describe, expect, it } from 'vitest';
import { AUDIT_START, type AuditNews, type AuditPosition } from '../../../controller/audit/audit-position.ts';
import { AuditSource } from '../../../controller/audit/audit-source.ts';
import { Feed, type FeedSink, type FeedSource, SinkBusyError } from '../../../controller/feeds/feed.ts';
import type { AuditEntry } from '../../../shared/access/audit-chain.ts';
import { chainOf, upTo } from '../audit/entries.ts';
import { eventually } from '../controller-world.ts';

type Sink = FeedSink<AuditEntry, AuditPosition>;

const quiet = { warn: () => {}, info: () => {} };
const common = { log: quiet, what: 'the audit', start: AUDIT_START };

/** A leader with these entries, which ends when there are no more. */
function sourceOf(count: number): FeedSource<AuditEntry, AuditPosition> & { readonly opened: number[] } {
  const entries = chainOf(count);
  const heads = [
    { log: 'CHANGES' as const, head: entries.at(-1) ?? { number: 0, hash: '' }, dropped: { number: 0, hash: '' } },
  ];
  const opened: number[] = [];
  async function* news(after: number): AsyncGenerator<AuditNews> {
    yield { kind: 'heads', heads };
    for (const entry of entries.slice(after)) yield { kind: 'entry', entry };
    yield { kind: 'heads', heads };
  }
  const source = new AuditSource({
    ...{ name: 'a sink', log: quiet },
    heads: () => heads,
    open: ({ CHANGES: after }) => {
      opened.push(after);
      return news(after);
    },
  });
  return { opened, behind: (reached) => source.behind(reached), open: (after, signal) => source.open(after, signal) };
}

describe('a feed', () => {
  it('shows how far a sink is behind that hangs, and reads no further ahead than one batch', async () => {
    const over = new AbortController();
    let mono = 0;
    const hanging: Sink = {
      name: 'hanging',
      begin: async () => AUDIT_START,
      write: (entries) => (entries.length === 0 ? Promise.resolve() : new Promise(() => {})),
    };
    const source = sourceOf(1_000);
    const feed = new Feed({ ...common, sink: hanging, source, mono: () => mono });
    void feed.run(over.signal);
    await eventually(async () => (source.opened.length > 0 ? true : undefined));
    mono = 60_000;
    expect(feed.status).toMatchObject({ behind: 1_000, stuckMs: 60_000, problem: undefined });
    over.abort();
  });

  it('begins anew from where the sink says that it is, after it failed', async () => {
    const over = new AbortController();
    const taken: number[] = [];
    let failures = 0;
    const failing: Sink = {
      name: 'failing',
      begin: async () => ({ CHANGES: taken.length, ACCESS: 0 }),
      write: async (entries) => {
        if (entries.length > 0 && failures < 2) {
          failures += 1;
          throw new Error('no room');
        }
        taken.push(...entries.map(({ number }) => number));
      },
    };
    const feed = new Feed({ ...common, sink: failing, source: sourceOf(450), mono: () => performance.now() });
    void feed.run(over.signal);
    await eventually(async () => (taken.length >= 450 ? true : undefined));
    expect(taken).toEqual(upTo(450));
    expect(feed.status).toMatchObject({ behind: 0, problem: undefined });
    over.abort();
  });

  it('leaves a sink alone for as long as it asks', async () => {
    const over = new AbortController();
    const tries: number[] = [];
    const busy: Sink = {
      name: 'busy',
      begin: async () => AUDIT_START,
      write: async (entries) => {
        if (entries.length === 0) return;
        tries.push(performance.now());
        if (tries.length === 1) throw new SinkBusyError('later', { retryAfterMs: 300, tookSome: false });
      },
    };
    const backoff = { baseMs: 0, capMs: 0 };
    const feed = new Feed({ ...common, backoff, sink: busy, source: sourceOf(1), mono: () => performance.now() });
    void feed.run(over.signal);
    const [first = 0, second = 0] = await eventually(async () => (tries.length >= 2 ? tries : undefined));
    expect(second - first).toBeGreaterThanOrEqual(295);
    over.abort();
  });
});

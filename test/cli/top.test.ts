import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frame, type Glance } from '../../cli/top/frame.ts';
import { GetStatusResponseSchema } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { EventSchema } from '../../shared/gen/locum/v1/event_pb.ts';
import { Liveness, ServerSchema } from '../../shared/gen/locum/v1/server_pb.ts';

const NARROW = { wide: false };

function glance({ wrong = 0, servers = 0, events = 0, available = true, otherServers = false }): Glance {
  const each = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i + 1));
  return {
    status: create(GetStatusResponseSchema, {
      leader: 'controllers/c1',
      store: 'memory',
      deviations: each(wrong, (i) => ({ resource: `runs/r-${i}`, reason: 'NO_ROOM', message: 'all are full' })),
    }),
    servers: each(servers, (rank) =>
      create(ServerSchema, {
        name: `servers/s-${rank}`,
        rank,
        available,
        effectiveMaxSlots: 10,
        usedSlots: rank % 10,
        liveness: Liveness.ALIVE,
      }),
    ),
    otherServers,
    events: each(events, (i) =>
      create(EventSchema, { name: `events/${i}`, type: 'RUN_STARTED', message: `it is ${i}` }),
    ),
  };
}

const shown = (lines: readonly string[], pattern: RegExp): number => lines.filter((line) => pattern.test(line)).length;

describe('a look of locum top', () => {
  it('has all there is where nothing bounds it', () => {
    const lines = frame(glance({ wrong: 30, servers: 40, events: 10 }), { look: NARROW, rows: undefined });
    expect([shown(lines, /^runs\/r-/), shown(lines, /\bs-\d+ /), shown(lines, /it is \d/)]).toEqual([30, 40, 10]);
    expect(lines.join('\n')).not.toContain('more:');
  });

  it('never has more lines than the screen, and shows something of everything from 24 lines on', () => {
    const sizes = fc.record({
      wrong: fc.nat(200),
      servers: fc.nat(300),
      events: fc.nat(10),
      rows: fc.integer({ min: 1, max: 80 }),
    });
    fc.assert(
      fc.property(sizes, ({ rows, ...counts }) => {
        const lines = frame(glance(counts), { look: NARROW, rows });
        expect(lines.length).toBeLessThanOrEqual(rows);
        if (rows < 24) return;
        expect(shown(lines, /^runs\/r-/)).toBeGreaterThanOrEqual(Math.min(counts.wrong, 2));
        expect(shown(lines, /\bs-\d+ /)).toBeGreaterThanOrEqual(Math.min(counts.servers, 2));
        expect(shown(lines, /it is \d/)).toBe(Math.min(counts.events, 5));
      }),
    );
  });

  it('says what it leaves out, and which command shows it', () => {
    const lines = frame(glance({ wrong: 50, servers: 50, events: 10 }), { look: NARROW, rows: 40 });
    const left = { wrong: 50 - shown(lines, /^runs\/r-/), servers: 50 - shown(lines, /\bs-\d+ /) };
    expect(lines).toContain(`and ${left.wrong} others: locum status`);
    expect(lines).toContain(`and ${left.servers} more: locum server list`);
    const many = frame(glance({ servers: 3, otherServers: true }), { look: NARROW, rows: 40 });
    expect(many).toContain('and many more: locum server list');
  });

  it('has servers that are not available first, then the fullest, and takes columns and order of others', () => {
    const all = glance({ servers: 4 });
    const servers = all.servers.map((server) => ({ ...server, available: server.rank !== 2 }));
    const names = (look: object) =>
      frame({ ...all, servers }, { look: { ...NARROW, columns: ['server'], ...look }, rows: undefined }).filter(
        (line) => line.startsWith('s-'),
      );
    expect(names({})).toEqual(['s-2', 's-4', 's-3', 's-1']);
    expect(names({ sort: 'server' })).toEqual(['s-1', 's-2', 's-3', 's-4']);
  });
});

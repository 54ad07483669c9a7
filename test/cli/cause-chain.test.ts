import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { causeChain } from '../../cli/cluster/cause-chain.ts';
import { type Event, EventSchema } from '../../shared/gen/locum/v1/event_pb.ts';

/** `TYPE CAUSE about…`, oldest first, numbered from 1. */
const log = (...lines: readonly string[]): readonly Event[] =>
  lines.map((line, index) => {
    const [type = '', cause = '', ...about] = line.split(' ');
    const named = (collection: string): string => about.find((name) => name.startsWith(`${collection}/`)) ?? '';
    return create(EventSchema, {
      ...{ name: `events/${index + 1}`, type, cause },
      ...{ server: named('servers'), run: named('runs'), policy: named('policies') },
    });
  });

const chain = (events: readonly Event[], number: number): readonly string[] =>
  causeChain(events, number).map(({ name, type }) => `${name.slice(7)} ${type}`);

const takeover = log(
  'RUN_RUNNING START runs/a-1 servers/web-1',
  'SERVER_SUSPECT HEARTBEAT_SILENCE servers/web-2',
  'SERVER_SUSPECT HEARTBEAT_SILENCE servers/web-1',
  'RUN_QUEUED NO_ROOM runs/b-2',
  'SERVER_MISSING HEARTBEAT_SILENCE servers/web-1',
  'RUN_FENCING SERVER_MISSING runs/a-1 servers/web-1',
  'ATTEMPT_ENDED LOST runs/a-1 servers/web-1',
  'RUN_ASSIGNED RECOVERY runs/a-1 servers/web-2',
  'RUN_RUNNING RECOVERY runs/a-1 servers/web-2',
  'ATTEMPT_ENDED EXITED runs/a-1 servers/web-2',
  'RUN_QUEUED FAILED_ONCE runs/a-1',
);

describe('the chain of causes', () => {
  it('leads from a start elsewhere back to the first missed heartbeats of the server that was lost', () => {
    expect(chain(takeover, 9)).toEqual([
      '3 SERVER_SUSPECT',
      '5 SERVER_MISSING',
      '6 RUN_FENCING',
      '7 ATTEMPT_ENDED',
      '8 RUN_ASSIGNED',
      '9 RUN_RUNNING',
    ]);
  });

  it('begins where a process that ran ended by itself: that it had been started is no cause', () => {
    expect(chain(takeover, 11)).toEqual(['10 ATTEMPT_ENDED', '11 RUN_QUEUED']);
  });

  it('is of one server, and of one run', () => {
    expect(chain(takeover, 5)).toEqual(['3 SERVER_SUSPECT', '5 SERVER_MISSING']);
    expect(chain(takeover, 4)).toEqual(['4 RUN_QUEUED']);
    expect(chain(takeover, 99)).toEqual([]);
  });

  it('goes by the server for a drain', () => {
    const drain = log(
      'RUN_RUNNING START runs/a-1 servers/web-1',
      'SERVER_DRAINING OPERATOR servers/web-1',
      'RUN_MOVE_RESERVED DRAIN runs/a-1 servers/web-2',
      'RUN_STOPPING DRAIN runs/a-1 servers/web-1',
    );
    expect(chain(drain, 4)).toEqual(['2 SERVER_DRAINING', '3 RUN_MOVE_RESERVED', '4 RUN_STOPPING']);
  });
});

import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { filled } from '../../cli/output/template.ts';
import {
  GetServerResponseSchema,
  ListServersResponseSchema,
  WatchServersResponseSchema,
} from '../../shared/gen/locum/v1/server_service_pb.ts';

const servers = [
  { name: 'servers/web-1', rank: 1, labels: { site: 'berlin' } },
  { name: 'servers/web-2', rank: 2 },
];

describe('a template', () => {
  it('prints a line for each item of a list', () => {
    const list = create(ListServersResponseSchema, { servers });
    expect(filled('{{rank}}: {{ name }}\\t{{labels.site}}', ListServersResponseSchema, list)).toEqual([
      '1: servers/web-1\tberlin',
      '2: servers/web-2\t',
    ]);
    expect(filled('{{labels.site}}', ListServersResponseSchema, list)).toEqual(['berlin', '']);
    expect(filled('{{labels}}', ListServersResponseSchema, list)).toEqual(['{"site":"berlin"}', '{}']);
    expect(filled('{{name}}', ListServersResponseSchema, create(ListServersResponseSchema))).toEqual([]);
  });

  it('of an answer about one resource takes its names and those of the resource', () => {
    const one = create(GetServerResponseSchema, { server: servers[0] });
    expect(filled('{{server.rank}} {{rank}}', GetServerResponseSchema, one)).toEqual(['1 1']);
  });

  it('prints nothing of a message of a stream that has nothing of what is named', () => {
    const bookmark = create(WatchServersResponseSchema, { revision: 7n });
    expect(filled('{{name}}', WatchServersResponseSchema, bookmark)).toEqual([]);
    expect(filled('at {{revision}}', WatchServersResponseSchema, bookmark)).toEqual(['at 7']);
  });

  it('that names what there is not is refused, even where the list is empty, with the name that may be meant', () => {
    const empty = create(ListServersResponseSchema);
    const of = (template: string) => () => filled(template, ListServersResponseSchema, empty);
    expect(of('{{nmae}}')).toThrow('"{{nmae}}" names nothing of Server; did you mean "name"?');
    expect(of('{{}}')).toThrow(/"\{\{\}\}" names nothing of Server; possible: name, /);
    expect(of('{{__proto__}}')).toThrow('names nothing of Server');
    expect(of('no places')()).toEqual([]);
  });

  it('shows no member of objects that is none of the answer', () => {
    const list = create(ListServersResponseSchema, { servers });
    expect(filled('[{{labels.constructor}}]', ListServersResponseSchema, list)).toEqual(['[]', '[]']);
  });
});

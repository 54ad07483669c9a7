import { expect, it } from 'vitest';
import { listenersIn } from '../../cli/context/listener-owner.ts';

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const row = (local: string, state: string, uid: number): string =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 7340515 1 00000000700d1c18 100 0 0 10 0`;

it('finds who listens on a port, at whatever address, and no connection of it', () => {
  const table = [
    HEAD,
    row('0100007F:1CE8', '0A', 998),
    row('00000000:1CE8', '0A', 0),
    row('00000000000000000000000001000000:1CE8', '0A', 1000),
    row('0100007F:1CE8', '01', 33),
    row('0100007F:1CE9', '0A', 34),
    '',
  ].join('\n');
  expect(listenersIn(table, 7400)).toEqual([998, 0, 1000]);
  expect(listenersIn(HEAD, 7400)).toEqual([]);
});

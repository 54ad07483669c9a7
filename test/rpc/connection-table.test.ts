import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectionTable, type PeerConnection } from '../../shared/rpc/connection-table.ts';

const of = (peer: string, idleSinceMono?: number): PeerConnection => ({ peer, idleSinceMono });

function full(...connections: readonly PeerConnection[]): ConnectionTable<PeerConnection> {
  const table = new ConnectionTable<PeerConnection>({ places: connections.length, reserve: 2 });
  for (const one of connections) table.admit(one);
  return table;
}

describe('a listener without a place left', () => {
  it('lets the connection go that has been idle longest', () => {
    const [a, b, busy] = [of('x', 20), of('x', 10), of('x')];
    expect(full(a, b, busy).admit(of('x'))).toEqual({ place: 'regular', evicted: b });
  });

  it('takes a busy one from the peer that has more than its share, the oldest first', () => {
    const [a, b, c] = [of('flood'), of('flood'), of('other')];
    expect(full(a, b, c).admit(of('new'))).toEqual({ place: 'regular', evicted: a });
  });

  it('lets no flood push out the idle connection of a peer that has fewer', () => {
    const quiet = of('quiet', 1);
    const table = full(quiet, of('flood'), of('flood'));
    expect(table.admit(of('flood'))).toEqual({ place: 'reserve', evicted: undefined });
  });

  it('keeps the reserve for the newest', () => {
    const table = full(of('x'), of('x'));
    const [first, second] = [of('x'), of('x')];
    table.admit(first);
    table.admit(second);
    expect(table.admit(of('x'))).toEqual({ place: 'reserve', evicted: first });
  });

  it('gives the place of a closed one to the next', () => {
    const a = of('x');
    const table = full(a);
    table.delete(a);
    table.delete(a);
    expect(table.admit(of('y'))).toEqual({ place: 'regular', evicted: undefined });
    expect(table.ofPeer('x')).toBe(0);
  });

  it('gives every peer its share in the end, whoever came first, and never has more than there are places', () => {
    const arrivals = fc.array(fc.constantFrom('flood', 'flood', 'flood', 'flood', 'a', 'b'), { maxLength: 200 });
    fc.assert(
      fc.property(arrivals, (peers) => {
        const places = 9;
        const table = new ConnectionTable<PeerConnection>({ places, reserve: 1 });
        for (const peer of peers) table.admit(of(peer));
        const held = [...table.regular];
        expect(held.length).toBe(Math.min(places, peers.length));
        for (const peer of ['a', 'b']) {
          const wanted = peers.filter((one) => one === peer).length;
          const has = table.ofPeer(peer);
          expect(held.filter((one) => one.peer === peer).length).toBe(has);
          // A third of the places each; one less where moving it would only turn the unfairness round.
          expect(has).toBeGreaterThanOrEqual(Math.min(wanted, places / 3 - 1));
        }
      }),
    );
  });
});

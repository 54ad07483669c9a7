import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccessNotes, type Noted } from '../../../controller/access/access-notes.ts';
import { HOUR, MINUTE, SECOND } from '../../../shared/time.ts';

const denied = (more: Partial<Noted> = {}): Noted => ({
  ...{ principal: 'operator:eve', method: 'locum.v1.PolicyService/StartPolicy', resource: '', requestId: '' },
  ...{ outcome: 'PERMISSION_DENIED', source: '192.0.2.66', ...more },
});

describe('what is noted in front of the core', () => {
  it('is one note for what is equal, with how often and when', () => {
    const notes = new AccessNotes();
    for (const wall of [1_000, 2_000, 3_000]) notes.note('DENIAL', denied(), wall);
    notes.note('DENIAL', denied({ source: '192.0.2.67' }), 4_000);
    expect(notes.untold).toBe(4);
    expect(notes.take(0)).toMatchObject([
      { kind: 'DENIAL', principal: 'operator:eve', source: '192.0.2.66', count: 3, firstWall: 1_000, lastWall: 3_000 },
      { source: '192.0.2.67', count: 1 },
    ]);
    expect(notes.untold).toBe(0);
  });

  it('tells a few refusals apart, and counts the rest', () => {
    const notes = new AccessNotes();
    for (let n = 0; n < 100; n += 1) notes.note('DENIAL', denied({ resource: `policies/p${n}` }), n);
    const taken = notes.take(0);
    expect(taken).toHaveLength(17);
    expect(taken.at(-1)).toMatchObject({ kind: 'LOST', outcome: 'DENIAL', count: 84, firstWall: 16, lastWall: 99 });
  });

  it('says less and less often of a flood, loses no count, and is quick again afterwards', () => {
    const notes = new AccessNotes();
    let [told, entries] = [0, 0];
    const hours = 8;
    for (let second = 0; second < (hours * HOUR) / SECOND; second += 1) {
      for (let n = 0; n < 20; n += 1) notes.note('DENIAL', denied({ resource: `policies/p${n}` }), second);
      const taken = notes.take(second * SECOND);
      entries += taken.length;
      told += taken.reduce((sum, { count }) => sum + count, 0);
    }
    expect(told + notes.untold).toBe(20 * hours * 3_600);
    expect(entries / hours).toBeLessThan(120);
    const later = (hours + 1) * HOUR;
    notes.take(later);
    notes.note('DENIAL', denied(), later);
    expect(notes.take(later + 10 * MINUTE)).toHaveLength(1);
    notes.note('DENIAL', denied(), later);
    expect(notes.take(later + 10 * MINUTE + 5 * SECOND)).toHaveLength(1);
  });

  it('lets no flood of refusals keep reads from being told', () => {
    const notes = new AccessNotes();
    for (let n = 0; n < 10_000; n += 1) notes.note('DENIAL', denied({ resource: `policies/p${n}` }), n);
    notes.take(0);
    for (let n = 0; n < 10_000; n += 1) notes.note('DENIAL', denied({ resource: `policies/p${n}` }), n);
    notes.note('READ', denied({ outcome: 'OK', resource: 'runs/x-1' }), 5);
    expect(notes.take(5 * SECOND)).toMatchObject([{ kind: 'READ', resource: 'runs/x-1', count: 1 }]);
  });

  it('makes texts from outside short and harmless', () => {
    const notes = new AccessNotes();
    notes.note('DENIAL', denied({ principal: `\u001b]52;c;${'x'.repeat(5_000)}`, resource: 'a\nb' }), 0);
    const [note] = notes.take(0);
    expect(note?.principal).toMatch(/^\\e\]52;c;x+…$/);
    expect(note?.principal).toHaveLength(128);
    expect(note?.resource).toBe('a\\nb');
  });

  it('takes a bounded number of notes, whatever is noted', () => {
    const kind = fc.constantFrom('DENIAL' as const, 'READ' as const, 'CHANGE' as const);
    const noted = fc.record({ kind, resource: fc.nat(5_000) });
    fc.assert(
      fc.property(fc.array(noted, { maxLength: 3_000, size: 'max' }), (all) => {
        const notes = new AccessNotes();
        for (const { kind: of, resource } of all) notes.note(of, denied({ resource: `${resource}` }), 0);
        const taken = notes.take(0);
        return taken.length <= 518 && taken.reduce((sum, { count }) => sum + count, 0) === all.length;
      }),
      { numRuns: 30 },
    );
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AccessNotes } from '../../../controller/access/access-notes.ts';
import { type AccessBatch, AccessRecorder } from '../../../controller/access/access-recorder.ts';
import type { Logger } from '../../../shared/log.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const noted = {
  ...{ principal: 'operator:eve', method: 'm', resource: '', requestId: '', outcome: 'PERMISSION_DENIED', source: '' },
};

function recorderOf(record: (batch: AccessBatch) => Promise<void>) {
  const notes = new AccessNotes();
  const warn = vi.fn<Logger['warn']>();
  const clock = () => ({ mono: Date.now(), wall: Date.now() });
  return { notes, warn, recorder: new AccessRecorder({ notes, clock, record, log: { warn } }) };
}

describe('the recorder of what was noted', () => {
  it('hands a batch over again, under the same request_id, until it is known to be written', async () => {
    const batches: AccessBatch[] = [];
    const { notes, recorder } = recorderOf(async (batch) => {
      batches.push(batch);
      if (batches.length < 3) throw new Error('nobody leads');
    });
    recorder.start();
    notes.note('DENIAL', noted, 1);
    await vi.advanceTimersByTimeAsync(2_500);
    notes.note('DENIAL', noted, 2);
    expect(recorder.untold).toBe(2);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(new Set(batches.map(({ requestId }) => requestId)).size).toBe(2);
    expect(batches.slice(0, 3)).toEqual([batches[0], batches[0], batches[0]]);
    expect(batches.at(-1)?.facts).toMatchObject([{ count: 1, firstWall: 2 }]);
    expect(recorder.untold).toBe(0);
    await recorder.close(1_000);
  });

  it('says nothing to the leader while nothing is noted', async () => {
    const record = vi.fn<() => Promise<void>>(async () => {});
    const { recorder } = recorderOf(record);
    recorder.start();
    await vi.advanceTimersByTimeAsync(60_000);
    await recorder.close(1_000);
    expect(record).not.toHaveBeenCalled();
  });

  it('hands over the rest when the controller ends, also behind a batch that is under way', async () => {
    const batches: AccessBatch[] = [];
    const { notes, recorder } = recorderOf(async (batch) => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      batches.push(batch);
    });
    recorder.start();
    notes.note('READ', noted, 1);
    await vi.advanceTimersByTimeAsync(1_050);
    notes.note('READ', noted, 2);
    const closed = recorder.close(1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    await closed;
    expect(batches.map(({ facts }) => facts.length)).toEqual([1, 1]);
  });

  it('says what is lost when nobody takes it in time', async () => {
    const { notes, warn, recorder } = recorderOf(() => new Promise(() => {}));
    notes.note('READ', noted, 1);
    const closed = recorder.close(1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    await closed;
    expect(warn).toHaveBeenCalledWith({ lost: 1 }, expect.stringContaining('did not reach the audit'));
  });
});

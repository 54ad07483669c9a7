import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { AnswerParts } from '../../agent/answer-parts.ts';
import { ConnectResponseSchema, VerdictAction } from '../../shared/gen/locum/v1/agent_service_pb.ts';

type Said = NonNullable<
  Exclude<MessageInitShape<typeof ConnectResponseSchema>, { readonly $typeName: string }>['message']
>;

const message = (said: Said) => create(ConnectResponseSchema, { term: 3n, message: said });
const verdicts = (...runs: string[]) => runs.map((run) => ({ run, epoch: 1n, action: VerdictAction.KEEP }));

describe('an answer in parts', () => {
  it('is one answer, with the verdicts of all parts, when the last one is there', () => {
    const parts = new AnswerParts();
    const welcome = (moreParts: boolean, ...runs: string[]) =>
      message({ case: 'welcome', value: { session: '3-1', uid: 'u1', verdicts: verdicts(...runs), moreParts } });
    expect(parts.add(welcome(true, 'a-1', 'b-2'))).toBeUndefined();
    expect(parts.add(welcome(true, 'c-3'))).toBeUndefined();
    const whole = parts.add(welcome(false, 'd-4'));
    expect(whole?.message.case === 'welcome' && whole.message.value.verdicts.map(({ run }) => run)).toEqual([
      'a-1',
      'b-2',
      'c-3',
      'd-4',
    ]);
    // The next one begins anew.
    const next = parts.add(welcome(false, 'e-5'));
    expect(next?.message.case === 'welcome' && next.message.value.verdicts.length).toBe(1);
  });

  it('of one part, and every other message, is taken as it is', () => {
    const parts = new AnswerParts();
    const grant = message({ case: 'grant', value: { sequence: 1n, generation: 1n } });
    expect(parts.add(grant)).toBe(grant);
  });

  it('is refused when something else comes between its parts', () => {
    const open = message({ case: 'verdicts', value: { generation: 2n, verdicts: verdicts('a-1'), moreParts: true } });
    for (const other of [
      message({ case: 'grant', value: { sequence: 1n, generation: 1n } }),
      message({ case: 'welcome', value: {} }),
    ]) {
      const parts = new AnswerParts();
      expect(parts.add(open)).toBeUndefined();
      expect(() => parts.add(other)).toThrow(/part/);
    }
  });
});

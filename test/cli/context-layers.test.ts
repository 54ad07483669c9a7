import { describe, expect, it } from 'vitest';
import { effectiveOf, type Layer, type NamedContext } from '../../cli/context/layers.ts';

const prod: NamedContext = {
  name: 'prod',
  chosenBy: 'current_context',
  says: {
    address: { value: ['c1:7400', 'c2:7400'], from: 'context prod' },
    tls: { value: { caFile: '/ca.crt' }, from: 'context prod' },
    token: { value: { kind: 'text', token: 'of-prod' }, from: 'context prod' },
    output: { value: 'wide', from: 'context prod' },
  },
};
const address = (value: string, from: string): Layer => ({ address: { value: [value], from } });
const token = (value: string, from: string): Layer => ({ token: { value: { kind: 'text', token: value }, from } });
const effective = (flags: Layer, environment: Layer, context?: NamedContext) =>
  effectiveOf({ flags, environment, context });

describe('what a command uses', () => {
  it('is the default where nothing is said', () => {
    expect(effective({}, {})).toMatchObject({
      context: undefined,
      address: { value: ['127.0.0.1:7400'], from: 'default' },
      tls: undefined,
      token: undefined,
      output: { value: 'table', from: 'default' },
    });
  });

  it('is what the current context says', () => {
    const used = effective({}, {}, prod);
    expect(used.context).toEqual({ value: 'prod', from: 'current_context' });
    for (const setting of [used.address, used.tls, used.token, used.output]) expect(setting?.from).toBe('context prod');
  });

  it('is first of all the flag, then the variable, then the context, for each setting by itself', () => {
    const flags = address('c2:7400', '--address');
    const environment = { ...address('c1:7400', 'LOCUM_ADDRESS'), ...token('mine', 'LOCUM_TOKEN') };
    const used = effective(flags, environment, prod);
    expect([used.address.from, used.token?.from, used.tls?.from, used.output.from]).toEqual([
      '--address',
      'LOCUM_TOKEN',
      'context prod',
      'context prod',
    ]);
  });

  it.each([
    [address('127.0.0.1:7400', '--address'), {}],
    [{}, address('127.0.0.1:7400', 'LOCUM_ADDRESS')],
    [{ address: { value: ['c1:7400', 'evil:7400'], from: '--address' } }, {}],
  ] as const)('is nothing of the current context for controllers that are none of its own', (flags, environment) => {
    const used = effective(flags, environment, prod);
    expect(used).toMatchObject({ context: undefined, leftOut: 'prod', tls: undefined, token: undefined });
    expect(used.output.value).toBe('table');
  });

  it('leaves out a context of LOCUM_CONTEXT too, where LOCUM_ADDRESS names other controllers', () => {
    const used = effective({}, address('x:1', 'LOCUM_ADDRESS'), { ...prod, chosenBy: 'LOCUM_CONTEXT' });
    expect([used.leftOut, used.token, used.address.value]).toEqual(['prod', undefined, ['x:1']]);
  });

  it('is what the context of a flag says, before the environment', () => {
    const environment = { ...address('x:1', 'LOCUM_ADDRESS'), ...token('mine', 'LOCUM_TOKEN') };
    const used = effective({}, environment, { ...prod, chosenBy: '--context' });
    expect(used.context).toEqual({ value: 'prod', from: '--context' });
    expect([used.address.from, used.token?.from]).toEqual(['context prod', 'context prod']);
  });

  it('is another address with the rest of a context, where both are named by flags', () => {
    const used = effective(address('localhost:9', '--address'), {}, { ...prod, chosenBy: '--context' });
    expect([used.address.value, used.token?.from, used.leftOut]).toEqual([['localhost:9'], 'context prod', undefined]);
  });

  it('takes a context without addresses for one of the default address', () => {
    const local: NamedContext = { name: 'local', chosenBy: 'current_context', says: token('t', 'context local') };
    expect(effective(address('127.0.0.1:7400', '--address'), {}, local).token?.from).toBe('context local');
    expect(effective(address('x:1', '--address'), {}, local).token).toBeUndefined();
  });
});

/** `rotate begin|switch|finish|abort force c2=old+new:old`: what a controller trusts, and who signed for it; c1 has all of it. */
import type { Call } from '../../controller/core/cluster/event.ts';
import type { AuthorityRoot, AuthorityStep, ControllerCertificate } from '../../controller/core/records/authority.ts';
import { DAY } from '../../shared/time.ts';
import { oneOf, type Words } from './words.ts';

const STEPS = ['begin', 'switch', 'finish', 'abort'] as const;
const WORDS: Readonly<Record<(typeof STEPS)[number], AuthorityStep>> = {
  ...{ begin: 'BEGIN', switch: 'SWITCH', finish: 'FINISH', abort: 'ABORT' },
};

const root = (hash: string): AuthorityRoot => ({ hash, certPem: `certificate of ${hash}`, expireWall: 3_650 * DAY });

function controllersIn({ named }: Words): readonly ControllerCertificate[] {
  const c2 = named.get('c2');
  const all = ['old', 'new'];
  const c1 = { id: 'c1', trusts: all, issuer: 'new', signs: all, opens: ['k2'] };
  if (c2 === undefined) return [c1];
  const [trusts = '', issuer = ''] = c2.split(':');
  return [c1, { id: 'c2', trusts: trusts.split('+'), issuer, signs: all, opens: ['k2'] }];
}

export const authorityReadings: Readonly<Record<string, (words: Words) => Call>> = {
  rotate: (words) => {
    const step = WORDS[oneOf(words.plain[1] ?? '', STEPS)];
    return {
      ...{ kind: 'rotate_authority', step, force: words.plain.includes('force'), present: root('old') },
      ...(step === 'BEGIN' ? { next: root('new') } : {}),
      ...{ endorsements: '', controllers: controllersIn(words) },
    };
  },
  // `rewrap new k2`: a key, and with what it is wrapped from now on.
  rewrap: ({ plain }) => ({
    kind: 'rewrap_authority',
    keys: [{ hash: plain[1] ?? '', wrapped: { by: plain[2] ?? '', data: new Uint8Array([1]) } }],
    present: {
      ...{ kind: 'authority', phase: 'STEADY', roots: [root('old')], endorsements: '' },
      ...{ sinceWall: undefined, creator: '' },
    },
  }),
};

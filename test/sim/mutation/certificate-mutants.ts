/** Who gets in, and with what (docs/access.md, ADR 0033): each rule removed. */
import type { Mutant } from './mutants.ts';

const RENEWAL = 'agent/core/renewal.ts';
const PERMITTED = 'controller/core/calls/permitted.ts';
const HELLO = 'controller/core/servers/hello.ts';
/** Where the order is played that `controller/access/renewal.ts` has. */
const DOOR = 'test/sim/certificates/door.ts';

export const certificateMutants: readonly Mutant[] = [
  {
    id: 'K-expiry',
    what: 'a certificate that is over lets its holder in',
    caughtBy: [1, 26],
    patches: [
      {
        file: 'shared/access/peer-judge.ts',
        find: 'if (!(nowMs < notAfterMs)) return',
        instead: 'if (Number.isNaN(notAfterMs)) return',
      },
    ],
  },
  {
    id: 'K-due',
    what: 'a certificate is renewed at the very end of its life, not from two thirds on',
    caughtBy: [2, 8],
    patches: [
      { file: RENEWAL, find: 'const [DUE, SPREAD] = [2 / 3, 1 / 12];', instead: 'const [DUE, SPREAD] = [1.01, 0];' },
    ],
  },
  {
    id: 'K-name',
    what: 'who says Hello need not be whom his certificate names',
    caughtBy: [8, 17],
    patches: [
      {
        file: 'controller/agents/certified-hello.ts',
        find: "if (identity.kind !== 'server' || identity.name !== server) {",
        instead: "if (identity.kind !== 'server') {",
      },
    ],
  },
  {
    id: 'K-revoked-stream',
    what: 'a revocation does not end the stream of its server',
    caughtBy: [1, 13],
    patches: [
      {
        file: 'controller/core/calls/revocation-calls.ts',
        find: 'if (session !== undefined) closeSession(turn, session, revokedError(id), true);',
        instead: '',
      },
    ],
  },
  {
    id: 'K-revoked-hello',
    what: 'who has a revoked certificate may say Hello',
    caughtBy: [1, 13],
    patches: [{ file: HELLO, find: 'if (revoked !== undefined) return revoked;', instead: '' }],
  },
  {
    id: 'K-revoked-first',
    what: 'what a Hello with a revoked certificate says of terms and epochs counts',
    caughtBy: [1, 13],
    patches: [
      { file: HELLO, find: 'if (revoked !== undefined) return revoked;', instead: '' },
      {
        file: HELLO,
        find: 'if (behind !== undefined) return behind;\n  }',
        instead: 'if (behind !== undefined) return behind;\n  }\n  if (revoked !== undefined) return revoked;',
      },
    ],
  },
  {
    id: 'K-renew-revoked',
    what: 'a revoked certificate is renewed',
    caughtBy: [1, 13],
    patches: [
      {
        file: 'controller/access/renewal-judge.ts',
        find: 'if (revoked !== undefined) throw revoked;',
        instead: '',
      },
    ],
  },
  {
    id: 'K-confirm',
    what: 'a leader renews without asking the store whether it still leads',
    caughtBy: [181],
    patches: [{ file: DOOR, find: 'if (!isLeader) refuse(', instead: 'if (isLeader === undefined) refuse(' }],
  },
  {
    id: 'K-denial',
    what: 'that somebody was refused for what he showed is not in the audit',
    caughtBy: [1, 13],
    patches: [
      {
        file: 'controller/core/calls/audit-calls.ts',
        find: "audit(turn, one.kind === 'CHANGE' ? 'CHANGES' : 'ACCESS', one);",
        instead: "if (one.kind === 'CHANGE') audit(turn, 'CHANGES', one);",
      },
    ],
  },
  {
    id: 'K-ready',
    what: 'a change of the authority is finished while servers have certificates of the old root',
    caughtBy: [40, 52, 60],
    patches: [
      {
        file: 'controller/core/calls/authority-calls.ts',
        find: 'if (held.length === 0) return;',
        instead: 'if (held.length >= 0) return;',
      },
    ],
  },
  {
    id: 'K-away',
    what: 'who is away does not hold back the end of a change of the authority',
    caughtBy: [27, 29, 30],
    patches: [
      {
        file: 'controller/core/calls/authority-calls.ts',
        find: "step === 'FINISH' ? behind : behind.filter(({ connected }) => connected);",
        instead: 'behind.filter(({ connected }) => connected && step.length > 0);',
      },
    ],
  },
  {
    id: 'K-shown',
    what: 'agents are shown a certificate of the new root as soon as that signs',
    caughtBy: [27, 29, 40],
    patches: [
      {
        file: DOOR,
        find: "const shown = phase === 'RENEWING' ? (roots.at(-1)?.hash ?? signing) : signing;",
        instead: "const shown = phase === 'RENEWING' ? signing : (roots[0]?.hash ?? signing);",
      },
    ],
  },
  {
    id: 'K-judged',
    what: 'a call is not judged again in the step that carries it out',
    caughtBy: [27, 29],
    patches: [
      {
        file: PERMITTED,
        find: '  if (rights.mayEverywhere(permission)) checkRunAs(state, rights, request);',
        instead: '  if (permission.length > 0) checkRunAs(state, rights, request);',
      },
    ],
  },
  {
    id: 'K-part',
    what: 'what was given for one pool is good for all',
    caughtBy: [27, 29],
    patches: [
      {
        file: PERMITTED,
        find: 'targets.length === 0 || !targets.every((one) => rights.may(permission, one)))',
        instead: 'targets.length === 0 || !rights.mayAnywhere(permission))',
      },
    ],
  },
  {
    id: 'K-repeated',
    what: 'a call that is repeated is answered to whoever may not make it any more',
    caughtBy: [27, 29],
    patches: [{ file: 'controller/core/calls/call.ts', find: '  checkRepeated(turn, call, resource);', instead: '' }],
  },
];

/** A follower judges by a copy that may be behind: what it refuses by that is judged again by what is newest. */
import { describe, expect, it } from 'vitest';
import type { Accounts } from '../../../controller/access/accounts.ts';
import { type Credentials, Doorkeeper } from '../../../controller/access/doorkeeper.ts';
import { makeSecret } from '../../../controller/access/secrets.ts';
import type { MethodRule } from '../../../shared/access/method-access.ts';
import type { RoleGrant } from '../../../shared/access/principal.ts';
import { LocumError } from '../../../shared/errors.ts';

const OPERATES: MethodRule = { kind: 'permission', permission: 'policies.operate', reach: 'RESOURCES' };
const { id, secret, hash } = makeSecret();

interface Known {
  roles: readonly RoleGrant[] | undefined;
}

/** `newest`: what the copy has once it has caught up; undefined: this controller leads. */
function worldOf(copy: Known, newest?: Known | 'UNKNOWN') {
  let known = copy;
  const count = { caughtUp: 0 };
  const accounts: Accounts = {
    token: (asked) =>
      known.roles === undefined || asked !== id
        ? undefined
        : { id, holder: 'ci', roles: known.roles, secretHash: hash, expireWall: 2, lastUseWall: undefined },
    user: () => undefined,
    role: () => undefined,
  };
  const catchUp = async (to: Known | 'UNKNOWN'): Promise<void> => {
    count.caughtUp += 1;
    await Promise.resolve();
    if (to === 'UNKNOWN') throw new LocumError('STORE_UNAVAILABLE', 'behind');
    known = to;
  };
  const doorkeeper = new Doorkeeper({
    open: false,
    accounts: () => accounts,
    catchUp: () => (newest === undefined ? undefined : catchUp(newest)),
    localHash: undefined,
    keys: { known: () => undefined, refresh: () => Promise.resolve() },
    nowWall: () => 1,
    used: () => undefined,
  });
  const credentials: Credentials = {
    ...{ path: '', address: '', authorization: `Bearer ${secret}`, peer: undefined, says: '' },
    ...{ vouched: undefined, signature: undefined, forwardedBy: undefined, forwardedFrom: undefined },
  };
  const enter = async (): Promise<string> => {
    try {
      const caller = await doorkeeper.admit(await doorkeeper.identify(credentials, OPERATES), OPERATES);
      return caller.principal.roles.map(({ role }) => role).join();
    } catch (error) {
      return error instanceof LocumError ? error.reason : String(error);
    }
  };
  return { enter, count };
}

const NONE: Known = { roles: undefined };
const VIEWER: Known = { roles: [{ role: 'viewer' }] };
const OPERATOR: Known = { roles: [{ role: 'operator' }] };

describe('a follower', () => {
  it.each([
    ['knows a token that was made a moment ago', NONE, OPERATOR, 'operator', 1],
    ['knows roles that were given a moment ago', VIEWER, OPERATOR, 'operator', 1],
    ['refuses a token that there is not', NONE, NONE, 'TOKEN_INVALID', 1],
    ['refuses what was not given', VIEWER, VIEWER, 'PERMISSION_DENIED', 1],
    ['refuses a token that is gone meanwhile', VIEWER, NONE, 'TOKEN_INVALID', 1],
    ['says so where it can not know', NONE, 'UNKNOWN', 'STORE_UNAVAILABLE', 1],
    ['says so where it can not know what was given', VIEWER, 'UNKNOWN', 'STORE_UNAVAILABLE', 1],
    ['lets in by its copy whom that knows', OPERATOR, OPERATOR, 'operator', 0],
  ] as const)('%s', async (_, copy, newest, answer, looks) => {
    const { enter, count } = worldOf(copy, newest);
    expect(await enter()).toBe(answer);
    expect(count.caughtUp).toBe(looks);
  });
});

it('a leader, who knows what is newest, refuses at once', async () => {
  expect(await worldOf(NONE).enter()).toBe('TOKEN_INVALID');
  expect(await worldOf(VIEWER).enter()).toBe('PERMISSION_DENIED');
});

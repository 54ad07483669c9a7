import { expect, it } from 'vitest';
import { validFromWall } from '../../../../controller/core/servers/revocations.ts';
import { serverId } from '../../../../shared/ids.ts';
import { HOUR, SECOND } from '../../../../shared/time.ts';
import { ModelWorld } from '../world/model-world.ts';

const server = serverId('web-1');

function world() {
  const found = new ModelWorld({});
  found.elect();
  const revoke = (): number => {
    found.call({ kind: 'revoke_server', server, reason: '' });
    found.advanceTo(found.now.mono + SECOND / 10);
    return validFromWall(found, server) ?? 0;
  };
  return { found, revoke };
}

it('what was given after one revocation is refused by the next, also within the same second', () => {
  const { found, revoke } = world();
  const first = revoke();
  // Whoever joins now is given a certificate that is valid from there on.
  expect(first).toBeGreaterThan(found.now.wall - SECOND / 10);
  expect(revoke()).toBeGreaterThan(first);
});

it('what was given after one revocation is refused by the next, also when the clock was set back between', () => {
  const { found, revoke } = world();
  const first = revoke();
  found.time.wallErrorMs = -HOUR;
  expect(revoke()).toBeGreaterThan(first);
});

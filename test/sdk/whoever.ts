/** A controller with certificates that asks everybody who he is, and those who call it in the list of conformance. */
import { afterAll, beforeAll } from 'vitest';
import { present } from '../../shared/assert.ts';
import { startTlsController } from '../agent/enrolment/tls-controller.ts';
import type { ConnectOptions } from './driver.ts';

/** How whoever a case says connects. To be called in the tests. */
export function useWhoever(): (as: string) => Omit<ConnectOptions, 'timeoutMs'> {
  const shown = new Map<string, Pick<ConnectOptions, 'token' | 'cert' | 'key' | 'tls'>>();
  let reached: Pick<ConnectOptions, 'addresses' | 'tls' | 'ca'> | undefined;
  let close: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    const started = await startTlsController();
    close = started.close;
    const { access } = started.api;
    const { secret } = await access.createToken({ holder: 'deploy-bot', roles: [{ role: 'viewer' }] });
    await access.setUser({ user: { name: 'users/ann', roles: [{ role: 'admin' }] } });
    const { certPem, keyPem, rootsPem } = await started.certify('user', 'ann');
    reached = { addresses: [started.controller.apiAddress], tls: true, ca: rootsPem };
    shown.set('somebody with a token', { token: secret });
    shown.set('somebody with a wrong token', { token: `${secret.slice(0, -4)}aaaa` });
    shown.set('somebody with a certificate', { cert: certPem, key: keyPem });
    shown.set('somebody with nothing', {});
    shown.set('somebody in plain text', { tls: false });
  });
  afterAll(() => close?.());
  return (as) => ({ ...present(reached, 'a controller'), ...present(shown.get(as), as) });
}

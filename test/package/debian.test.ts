/** The package of Debian on a machine with a real systemd: installed, used, stopped and removed, never on this host itself. */
import { afterAll, beforeAll, describe, expect, it, type TestContext, vi } from 'vitest';
import { SystemdMachine } from '../deploy/systemd-machine.ts';
import { BUILD_TIMEOUT_MS, builtPackages } from './built-packages.ts';

const TEST_TIMEOUT_MS = 120_000;
const INSTALL = 'dpkg --install ./locum_*.deb';
const POLICY = `
name: policies/beat
workload:
  script:
    text: exec sleep 1000000
`;

let deb: string | undefined;
let machine: SystemdMachine | string = 'this machine has no dpkg-deb';

beforeAll(async () => {
  ({ deb } = builtPackages());
  if (deb !== undefined) machine = await SystemdMachine.boot('machine');
}, BUILD_TIMEOUT_MS);

afterAll(async () => {
  if (typeof machine !== 'string') await machine.close();
});

function there(ctx: TestContext): SystemdMachine {
  return typeof machine === 'string' ? ctx.skip(machine) : machine;
}

/** Repeats what may not be true yet. */
const eventually = (look: () => void): Promise<void> => vi.waitFor(look, { timeout: 40_000, interval: 250 });

const state = (on: SystemdMachine, unit: string): string =>
  on.run('sh', '-c', `systemctl is-active ${unit} || true`).trim();

describe('the package of Debian', () => {
  it('installs, and starts nothing by itself', { timeout: TEST_TIMEOUT_MS }, (ctx) => {
    const on = there(ctx);
    on.put(deb ?? '');
    on.script(INSTALL);
    expect(on.run('locum', 'version')).toMatch(/^locum \S+ \(Node 24\.21\.0\)\n$/);
    expect(on.run('stat', '-c', '%U:%G %a', '/var/lib/locum', '/var/lib/locum-agent')).toBe(
      'locum:locum 700\nroot:root 700\n',
    );
    for (const unit of ['locum-controller', 'locum-agent', 'locum-keeper']) expect(state(on, unit)).toBe('inactive');
    expect(on.run('sh', '-c', 'systemd-analyze verify --man=no /usr/lib/systemd/system/locum-*.service 2>&1')).toBe('');
  });

  it('runs a policy under its units, whose programs may do little else', { timeout: TEST_TIMEOUT_MS }, async (ctx) => {
    const on = there(ctx);
    on.run('systemctl', 'enable', '--now', 'locum-controller', 'locum-keeper', 'locum-agent');
    await eventually(() => expect(on.run('locum', 'server', 'list', '-o', 'name')).toBe('servers/machine\n'));
    on.run('sh', '-c', `cat >/root/beat.yaml <<'END'${POLICY}END\nlocum policy apply -f /root/beat.yaml`);
    on.run('locum', 'policy', 'wait', 'beat', '--for', 'running', '--timeout', '30s');
    const shown = (unit: string, property: string): string =>
      on.run('systemctl', 'show', '--value', '-p', property, unit).trim();
    const pid = (unit: string): string => shown(unit, 'MainPID');
    await eventually(() => expect(shown('locum-controller', 'StatusText')).toBe('leader'));
    // A disk that stalls stops the loop of a controller with SQLite; so nobody watches that.
    expect(shown('locum-controller', 'WatchdogUSec')).toBe('0');
    await eventually(() => expect(shown('locum-agent', 'StatusText')).toMatch(/^session with \S+; 1 attempt$/));
    await eventually(() => expect(shown('locum-keeper', 'StatusText')).toBe('keeps 1 attempt'));
    for (const unit of ['locum-agent', 'locum-keeper']) expect(shown(unit, 'WatchdogUSec')).toBe('3min');
    const sleeper = on.run('pgrep', '-f', '^sleep 1000000').trim();
    expect(on.run('sh', '-c', `tr '\\0' '\\n' </proc/${sleeper}/environ`)).not.toMatch(/NOTIFY_SOCKET|WATCHDOG/);
    expect(on.run('ps', '-o', 'user=', '-p', pid('locum-controller')).trim()).toBe('locum');
    const capabilities = on.run('grep', 'CapBnd', `/proc/${pid('locum-controller')}/status`);
    expect(capabilities.split(/\s+/)[1]).toBe('0000000000000000');
    expect(on.run('find', '/var/lib/locum', '/var/lib/locum-agent', '-perm', '/077')).toBe('');
    for (const [unit, worst] of [
      ['locum-controller', 2],
      ['locum-agent', 4],
    ] as const) {
      const told = on.run('systemd-analyze', 'security', '--no-pager', unit).trim().split('\n').at(-1) ?? '';
      console.log(told.trim());
      expect(Number(/: (\d+\.\d) /.exec(told)?.[1])).toBeLessThan(worst);
    }
  });

  it('leaves the policy running while the agent and the controller are stopped or upgraded', {
    timeout: TEST_TIMEOUT_MS,
  }, async (ctx) => {
    const on = there(ctx);
    const sleeper = on.run('pgrep', '-f', '^sleep 1000000').trim();
    on.run('systemctl', 'stop', 'locum-agent');
    expect(on.run('pgrep', '-f', '^sleep 1000000').trim()).toBe(sleeper);
    on.run('systemctl', 'start', 'locum-agent');
    const keeper = on.run('systemctl', 'show', '--value', '-p', 'MainPID', 'locum-keeper');
    const controller = on.run('systemctl', 'show', '--value', '-p', 'MainPID', 'locum-controller');
    // The same package again goes the way of an upgrade.
    on.script(INSTALL);
    expect(on.run('systemctl', 'show', '--value', '-p', 'MainPID', 'locum-keeper')).toBe(keeper);
    expect(on.run('systemctl', 'show', '--value', '-p', 'MainPID', 'locum-controller')).not.toBe(controller);
    await eventually(() => expect(on.run('locum', 'run', 'list')).toMatch(/beat-\S+ .*RUNNING/));
    expect(on.run('pgrep', '-f', '^sleep 1000000').trim()).toBe(sleeper);
  });

  it('has an agent that hangs started again by the watchdog', { timeout: TEST_TIMEOUT_MS }, async (ctx) => {
    const on = there(ctx);
    const shown = (property: string): string =>
      on.run('systemctl', 'show', '--value', '-p', property, 'locum-agent').trim();
    const isAtWork = (): void => expect(shown('StatusText')).toMatch(/^session with \S+; 1 attempt$/);
    on.script(`mkdir -p /run/systemd/system/locum-agent.service.d
printf '[Service]\\nWatchdogSec=8\\n' >/run/systemd/system/locum-agent.service.d/soon.conf
systemctl daemon-reload
systemctl restart locum-agent`);
    await eventually(isAtWork);
    const hung = shown('MainPID');
    on.run('kill', '-STOP', hung);
    await eventually(() => expect([hung, '0']).not.toContain(shown('MainPID')));
    on.script('rm -r /run/systemd/system/locum-agent.service.d; systemctl daemon-reload');
    expect(shown('NRestarts')).toBe('1');
    await eventually(isAtWork);
    on.run('locum', 'policy', 'wait', 'beat', '--for', 'running', '--timeout', '30s');
  });

  it('says Goodbye when the keeper is stopped, ends what ran, and does not come back by itself', {
    timeout: TEST_TIMEOUT_MS,
  }, async (ctx) => {
    const on = there(ctx);
    on.run('systemctl', 'stop', 'locum-keeper');
    expect(on.run('sh', '-c', "pgrep -f '^sleep 1000000' || true")).toBe('');
    await eventually(() => expect(on.run('locum', 'events')).toMatch(/SERVER_LEFT/));
    const shown = (unit: string, property: string): string =>
      on.run('systemctl', 'show', '--value', '-p', property, unit).trim();
    expect(shown('locum-keeper', 'Result')).toBe('success');
    // The agent was started again after it had left; it starts no keeper.
    await eventually(() => expect(shown('locum-agent', 'StatusText')).toBe('no keeper: opening; 0 attempts'));
    expect(state(on, 'locum-keeper')).toBe('inactive');
    on.run('systemctl', 'start', 'locum-keeper');
    await eventually(() => expect(shown('locum-agent', 'StatusText')).toMatch(/^session with /));
  });

  it('is removed without a trace but the state, and purged with that', { timeout: TEST_TIMEOUT_MS }, async (ctx) => {
    const on = there(ctx);
    const ours = (): string => on.run('sh', '-c', "pgrep -af '^/usr/lib/locum' || true");
    expect(ours()).toContain('locum.js keeper');
    on.run('dpkg', '--remove', 'locum');
    await eventually(() => expect(ours()).toBe(''));
    expect(on.run('sh', '-c', 'ls /var/lib/locum/store.sqlite /etc/locum')).toContain('controller.yaml');
    on.run('dpkg', '--purge', 'locum');
    expect(
      on.run('sh', '-c', 'ls -d /usr/lib/locum /etc/locum /var/lib/locum* /usr/bin/locum 2>/dev/null || true'),
    ).toBe('');
    expect(on.run('sh', '-c', 'getent passwd locum || true')).toBe('');
  });
});

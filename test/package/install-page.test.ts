/**
 * docs/install.md as a newcomer follows it: each block of commands is typed as it stands, on machines with a real systemd that know each
 * other by a network of their own.
 */
import { afterAll, beforeAll, describe, expect, it, type TestContext, vi } from 'vitest';
import { NetworkCapture, saying } from '../deploy/network-capture.ts';
import { SystemdMachine } from '../deploy/systemd-machine.ts';
import { textOf } from '../docs/shell-blocks.ts';
import { BUILD_TIMEOUT_MS, builtPackages, VERSION } from './built-packages.ts';
import { blocksBelow, JOIN_LINE, PAGE, secretOf } from './install-page.ts';

const TEST_TIMEOUT_MS = 180_000;
/** Its name is in the hosts file of each machine, and is what that one calls itself: `controller.example`. */
const CONTROLLER = '10.216.0.1';
const HOSTS = { 'web-1': '10.216.0.11', 'web-2': '10.216.0.12' };
/** The tenth of the default timers, so that nobody waits for 45 s. */
const TIMERS =
  '--heartbeat-interval 500ms --suspect-after 1500ms --lease 2s --stop-timeout 1s --kill-guard 500ms --missing-after 4500ms';

const machines: SystemdMachine[] = [];
let obstacle: string | undefined;
let packages: ReturnType<typeof builtPackages>;

async function boot(name: string): Promise<SystemdMachine> {
  const machine = await SystemdMachine.boot(name);
  if (typeof machine === 'string') throw new Error(machine);
  machines.push(machine);
  return machine;
}

beforeAll(async () => {
  packages = builtPackages();
  const first =
    packages.deb === undefined ? 'this machine has no dpkg-deb' : await SystemdMachine.boot('controller.example');
  if (typeof first === 'string') obstacle = first;
  else machines.push(first);
}, BUILD_TIMEOUT_MS);

afterAll(async () => {
  for (const machine of machines) await machine.close();
});

function controllerOf(ctx: TestContext): SystemdMachine {
  const [controller] = machines;
  return controller ?? ctx.skip(obstacle);
}

describe('docs/install.md', () => {
  it('brings up a controller and two hosts in ten commands and far less than five minutes, and a policy fails over', {
    timeout: TEST_TIMEOUT_MS,
  }, async (ctx) => {
    const controller = controllerOf(ctx);
    const [onController = '', tokens = '', onHost = '', use = '', look = ''] =
      blocksBelow('A controller and two hosts');
    const lines = (text: string): number => text.replaceAll('\\\n', '').split('\n').length;
    expect(lines(onController) + lines(tokens) + 2 * lines(onHost) + lines(use) + lines(look)).toBeLessThanOrEqual(10);
    controller.addSwitch(CONTROLLER);
    const hosts = new Map<string, SystemdMachine>();
    for (const [name, address] of Object.entries(HOSTS)) {
      const host = await boot(name);
      controller.plug(host, address);
      hosts.set(name, host);
    }
    for (const machine of machines) machine.put(packages.deb ?? '');
    const capture = await NetworkCapture.begin(controller);

    const startMs = performance.now();
    controller.script(onController);
    await vi.waitFor(() => controller.run('stat', '/var/lib/locum/admin.token'), { timeout: 30_000, interval: 200 });
    // What a person pastes: one line each, nothing else is printed on standard output.
    const pasted = controller.script(tokens).trimEnd().split('\n');
    expect(pasted).toHaveLength(hosts.size);
    for (const [index, host] of [...hosts.values()].entries())
      host.script(onHost.replace(JOIN_LINE, pasted[index] ?? ''));
    await vi.waitFor(
      () => expect(controller.run('locum', 'server', 'list', '-o', 'name')).toBe('servers/web-1\nservers/web-2\n'),
      { timeout: 30_000, interval: 200 },
    );
    controller.script(`locum pool set default ${TIMERS}`);
    expect(controller.script(use)).toContain('my-service is running');
    expect(controller.script('locum run list')).toMatch(/RUNNING .*web-1/);

    const lost = hosts.get('web-1');
    await lost?.close();
    await vi.waitFor(
      () => {
        const told = controller.script(look);
        expect(told).toMatch(/my-service-\S+ .*RUNNING .*web-2/);
      },
      { timeout: 60_000, interval: 500 },
    );
    expect(controller.script('locum events --since 5m')).toContain('web-1 is MISSING');
    expect((performance.now() - startMs) / 1_000).toBeLessThan(300);

    // Of what went over the network nobody can read a word, loopback of the controller's host included.
    hosts.get('web-2')?.script(saying('a word in the open'));
    await capture.end();
    expect(capture.has('a word in the open')).toBe(true);
    const secrets = pasted.map(secretOf);
    expect(secrets.map((secret) => secret.length)).toEqual([32, 32]);
    const words = ['my-service', 'web-1', 'web-2', 'locum.v1', 'AgentService', ...secrets];
    expect(words.filter((word) => capture.has(word))).toEqual([]);
  });

  it('installs the archive under /opt/locum with units that start', { timeout: TEST_TIMEOUT_MS }, (ctx) => {
    const controller = controllerOf(ctx);
    controller.script('dpkg --purge locum');
    controller.put(packages.archive);
    for (const block of blocksBelow('The archive')) controller.script(block);
    expect(controller.run('locum', 'version')).toContain(`locum ${VERSION}`);
    controller.script('systemctl daemon-reload; systemctl start locum-controller locum-keeper locum-agent; sleep 2');
    expect(controller.run('systemctl', 'is-active', 'locum-controller', 'locum-keeper', 'locum-agent')).toBe(
      'active\nactive\nactive\n',
    );
    expect(controller.run('stat', '-c', '%U %a', '/var/lib/locum')).toBe('locum 700\n');
  });

  it('names the files that are made', () => {
    const page = textOf(PAGE);
    expect(page).toContain(`locum_${VERSION}_amd64.deb`);
    expect(page).toContain(`locum-${VERSION}-linux-x64.tar.gz`);
    expect(page).toContain(`locum-${VERSION}.tgz`);
    // Played in test/package/npm-package.test.ts, but for the installation for everybody.
    expect(blocksBelow('The package for npm')).toHaveLength(1);
  });
});

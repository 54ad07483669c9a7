/**
 * The part of docs/install.md with three controllers: each block of commands is typed as it stands, on five machines with a real systemd,
 * of which two are then lost without a word.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findEtcd } from '../../cli/dev/etcd-binary.ts';
import { present } from '../../shared/assert.ts';
import { NetworkCapture, saying } from '../deploy/network-capture.ts';
import { SystemdMachine } from '../deploy/systemd-machine.ts';
import { etcdMissing } from '../store/etcd-cluster.ts';
import { BUILD_TIMEOUT_MS, builtPackages, hasProgram } from './built-packages.ts';
import { blocksBelow, JOIN_LINE, secretOf } from './install-page.ts';

const TEST_TIMEOUT_MS = 420_000;
const CONTROLLERS = ['controller-1', 'controller-2', 'controller-3'] as const;
const AGENTS = ['web-1', 'web-2'] as const;
/** The one that is lost neither with the leader nor with the policy: the cables of all others end there. */
const SWITCH = 'web-2';
const ADDRESSES: Readonly<Record<string, string>> = {
  'controller-1': '10.217.0.1',
  'controller-2': '10.217.0.2',
  'controller-3': '10.217.0.3',
  'web-1': '10.217.0.11',
  'web-2': '10.217.0.12',
};
/** A third of the default timers and of the time for an election, so that nobody waits for 45 s. */
const TIMERS =
  '--heartbeat-interval 1s --suspect-after 4s --lease 9s --stop-timeout 2s --kill-guard 1s --missing-after 15s';
const TTL_UNIT = '[Service]\nEnvironment=LOCUM_CONTROLLER_ELECTION_TTL=2s\n';
const API = CONTROLLERS.map((name) => `${name}:7400`).join(',');
/** Machines have no sshd: what is copied to another one lies here until it is carried there. */
const OUTBOX = '/outbox';
const SCP = `#!/bin/sh
set -e
[ "$1" = -r ] && shift
for last; do :; done
host=\${last#root@}
to=${OUTBOX}/\${host%%:*}/\${host#*:}
mkdir -p "$to"
for each; do [ "$each" = "$last" ] || cp -r "$each" "$to"; done
`;

const machines = new Map<string, SystemdMachine>();
let obstacle: string | undefined;
let deb = '';

const at = (name: string): SystemdMachine => present(machines.get(name), `${name} is there`);
const onEach = (names: readonly string[], text: string) => Promise.all(names.map((name) => at(name).play(text)));
const until = <T>(look: () => T): Promise<T> => vi.waitFor(look, { timeout: 60_000, interval: 300 });

async function bootAll(): Promise<string | undefined> {
  const missing = ['openssl', 'dpkg-deb'].find((name) => !hasProgram(name));
  if (missing !== undefined) return `this machine has no ${missing}`;
  if (etcdMissing() !== undefined) return etcdMissing();
  const names = [...CONTROLLERS, ...AGENTS];
  const booted = await Promise.all(names.map(async (name) => [name, await SystemdMachine.boot(name)] as const));
  for (const [name, machine] of booted) if (typeof machine !== 'string') machines.set(name, machine);
  return booted.map(([, machine]) => machine).find((machine) => typeof machine === 'string');
}

/** What the page takes for granted: names, a network, etcd, and a way to copy files. */
function prepare(): void {
  const hosts = Object.entries(ADDRESSES).map(([name, address]) => `${address} ${name}`);
  const settings = '/etc/systemd/system/locum-controller.service.d';
  const etcd = present(findEtcd(), 'it was looked for').path;
  at(SWITCH).addSwitch(present(ADDRESSES[SWITCH], 'it has one'));
  for (const [name, machine] of machines) {
    if (name !== SWITCH) at(SWITCH).plug(machine, present(ADDRESSES[name], 'it has one'));
    machine.put(deb);
    machine.script(`cat >>/etc/hosts <<'END'\n${hosts.join('\n')}\nEND`);
    if (!name.startsWith('controller')) continue;
    machine.script(`cat >/usr/local/bin/scp <<'END'\n${SCP}END\nchmod +x /usr/local/bin/scp`);
    machine.script(`install -m 755 ${etcd} /usr/local/bin/etcd; mkdir -p ${settings}`);
    machine.script(`printf '${TTL_UNIT.replaceAll('\n', '\\n')}' >${settings}/test.conf`);
  }
}

function deliver(from: SystemdMachine): void {
  for (const name of from.script(`ls ${OUTBOX}`).trim().split('\n')) from.carry(`${OUTBOX}/${name}`, at(name));
  from.script(`rm -r ${OUTBOX}`);
}

beforeAll(async () => {
  obstacle = await bootAll();
  if (obstacle === undefined) deb = present(builtPackages().deb, 'there is dpkg-deb');
}, BUILD_TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([...machines.values()].map((machine) => machine.close()));
});

/** The controllers that the page's first look shows, in order; and who of them leads. */
const controllersShown = (from: string): string[] =>
  [
    ...at(from)
      .script('locum controllers')
      .matchAll(/^(controller-\d) /gm),
  ]
    .map(([, name = '']) => name)
    .sort();

const leader = (from: string = SWITCH): string =>
  /^(controller-\d) +leader/m.exec(at(from).script('locum controllers'))?.[1] ?? '';

/** As at a power failure: nobody hears of it. */
async function lose(name: string): Promise<void> {
  await at(name).close();
  machines.delete(name);
}

/** Of what is printed of one. */
interface Attempt {
  readonly epoch: string;
  readonly server: string;
  readonly state: string;
  readonly pid: number;
}

/** Waits until the one run that there is runs on `server`. Returns the attempt that does. */
function runningOn(server: string): Promise<Attempt | undefined> {
  return until(() => {
    const { runs }: { runs: ReadonlyArray<{ attempts: readonly Attempt[] }> } = JSON.parse(
      at(SWITCH).script('locum run list -o json'),
    );
    const running = runs.flatMap(({ attempts }) => attempts).filter(({ state }) => state === 'ATTEMPT_STATE_RUNNING');
    expect(running.map((attempt) => attempt.server)).toEqual([`servers/${server}`]);
    return running[0];
  });
}

describe('docs/install.md, three controllers', () => {
  it('brings them up on etcd with TLS; the loss of the host that leads stops nothing, and that of a server moves its policy', {
    timeout: TEST_TIMEOUT_MS,
  }, async (ctx) => {
    if (obstacle !== undefined) return ctx.skip(obstacle);
    const shown = blocksBelow('Three controllers on etcd with TLS');
    const [install = '', certify = '', configure = '', tokens = '', onHost = '', use = '', look = '', ...more] = shown;
    expect([look.split('\n'), more]).toEqual([['locum controllers', 'locum run list'], []]);
    prepare();
    const capture = await NetworkCapture.begin(at(SWITCH), SWITCH);

    const [leading] = CONTROLLERS;
    await onEach(CONTROLLERS, install);
    at(leading).script(certify);
    deliver(at(leading));
    await onEach(CONTROLLERS, configure);
    await until(() => expect(controllersShown(leading)).toEqual([...CONTROLLERS]));

    const pasted = at(leading).script(tokens).trimEnd().split('\n');
    const token = present(pasted.pop(), 'the last line is a token');
    // In the order in which they came up.
    const named = pasted.map((line) => (line.split(' ')[3] ?? '').split(','));
    expect(named.map((each) => each.toSorted().join())).toEqual([API, API]);
    // They ask the first of the line, which does not lead, and passes on who asks.
    const asked = CONTROLLERS.find((name) => named[0]?.[0] === `${name}:7400`) ?? leading;
    const other = CONTROLLERS.find((name) => name !== asked);
    if (leader(leading) === asked) at(leading).script(`locum transfer-leadership ${other}`);
    await until(() => expect(CONTROLLERS.filter((name) => name !== asked)).toContain(leader(leading)));
    const joins = AGENTS.map((name, i) => at(name).play(onHost.replace(JOIN_LINE, pasted[i] ?? '')));
    await Promise.all(joins);
    const joinedFrom = at(leading).script('locum audit list --method Join -o wide');
    // A loaded machine may have given it the lead back by then.
    for (const name of AGENTS) expect(joinedFrom).toMatch(new RegExp(` OK .* ${ADDRESSES[name]}(?: via ${asked})?\\n`));
    // Whichever was first.
    await until(() => at(leading).script('locum server make-primary web-1'));
    at(leading).script(`locum pool set default ${TIMERS}`);
    at(SWITCH).script(`cp /var/lib/locum-agent/tls/ca.crt ca.crt; umask 077; echo ${token} >token`);
    expect(at(SWITCH).script(use)).toContain('my-service is running');
    const before = await runningOn('web-1');

    await lose(leader());
    await until(() => expect(CONTROLLERS.filter((name) => machines.has(name))).toContain(leader()));
    await until(() =>
      expect(at(SWITCH).script('locum server list')).toMatch(/web-1 .* ALIVE .* yes .*\n.*web-2 .* ALIVE .* yes /),
    );
    expect(await runningOn('web-1')).toEqual(before);
    expect(at(SWITCH).script(look)).toContain('my-service-1');

    await lose('web-1');
    await runningOn('web-2');
    expect(at(SWITCH).script('locum events --since 5m')).toContain('web-1 is MISSING');

    // Of what went over the network nobody can read a word: between agents, controllers, members of etcd and people.
    at(leader()).script(saying('a word in the open', SWITCH));
    await capture.end();
    expect(capture.has('a word in the open')).toBe(true);
    const secrets = pasted.map(secretOf);
    expect(secrets.map((secret) => secret.length)).toEqual([32, 32]);
    const words = ['my-service', 'locum.v1', 'AgentService', 'etcdserverpb', '/locum/', token, ...secrets];
    expect(words.filter((word) => capture.has(word))).toEqual([]);
  });
});

/** The image and its compose file: built and run where there is an engine, and held to the command line everywhere. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { builtPackages } from './built-packages.ts';
import { ContainerEngine, composeObstacle, engineObstacle } from './container-engine.ts';
import { unknownWords } from './known-command.ts';

const FOLDER = join(import.meta.dirname, '../../deploy/container');
const TIMEOUT_MS = 400_000;

interface Service {
  readonly command: readonly string[];
  readonly user?: string;
  readonly pid?: string;
  readonly depends_on?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly read_only?: boolean;
  readonly mem_limit?: string;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly volumes: readonly string[];
}

const COMPOSE = join(FOLDER, 'compose.yaml');
const { services }: { services: Record<'controller' | 'agent' | 'keeper', Service> } = parse(
  readFileSync(COMPOSE, 'utf8'),
);

/** The lines that the head of the compose file tells people to type: to bring it up, and to take it down. */
function typedLines(): string[] {
  const [head = ''] = readFileSync(COMPOSE, 'utf8').split('\nservices:');
  const groups = head.matchAll(/(?:^# {3}.*\n?)+/gm);
  return [...groups].map(([lines]) => lines.replaceAll(/^# {3}/gm, ''));
}

/** The options of `podman run` for what a service says. */
function optionsOf({
  user,
  pid,
  read_only,
  cap_drop = [],
  cap_add = [],
  security_opt = [],
  ...rest
}: Service): string[] {
  return [
    ...(user === undefined ? [] : ['--user', user]),
    ...(pid === undefined ? [] : ['--pid', pid]),
    ...(rest.mem_limit === undefined ? [] : ['--memory', rest.mem_limit]),
    ...(read_only === true ? ['--read-only'] : []),
    ...cap_drop.flatMap((name) => ['--cap-drop', name]),
    ...cap_add.flatMap((name) => ['--cap-add', name]),
    ...security_opt.flatMap((option) => ['--security-opt', option.replace(':', '=')]),
    ...(rest.tmpfs ?? []).flatMap((path) => ['--tmpfs', path]),
    ...rest.volumes.flatMap((volume) => ['--volume', volume]),
  ];
}

/** The script with which a node of Kubernetes joins. */
function joinScript(): string {
  const [agents] = parseAllDocuments(readFileSync(join(FOLDER, '../kubernetes/agents.yaml'), 'utf8'));
  const spec: { readonly initContainers: ReadonlyArray<{ readonly command?: readonly string[] }> } =
    agents?.toJS().spec.template.spec;
  return spec.initContainers[0]?.command?.at(-1) ?? '';
}

describe('the compose file', () => {
  it.each(Object.entries(services))('gives %s a command that there is', async (_name, { command }) => {
    expect(await unknownWords(command)).toEqual([]);
  });

  it('keeps nothing in the open, lets no program write to its image, and bounds the memory of each', () => {
    expect(services.controller.command).not.toContain('--insecure');
    for (const { read_only, mem_limit } of Object.values(services)) {
      expect(read_only).toBe(true);
      expect(mem_limit).toMatch(/^\d+[mg]$/);
    }
    expect(services.keeper.healthcheck).toBeUndefined();
  });

  it('stops the keeper first, while its agent is connected, and has both in one folder', () => {
    expect(services.keeper.depends_on).toEqual(['agent']);
    expect(services.keeper.volumes).toEqual(services.agent.volumes);
    expect(services.agent.command).toContain('--external-keeper');
  });
});

describe('the image', () => {
  const engine = new ContainerEngine();
  afterAll(() => engine.close());
  let built = false;
  const provideImage = (): void => {
    if (!built) engine.build(join(FOLDER, 'Containerfile'), builtPackages().archive);
    built = true;
  };
  const SOON = { timeout: 60_000, interval: 500 };

  it('runs controller, agent and keeper in containers, and the stop of the keeper leaves a Goodbye', {
    timeout: TIMEOUT_MS,
  }, async (ctx) => {
    const obstacle = engineObstacle();
    if (obstacle !== undefined) ctx.skip(obstacle);
    provideImage();

    const { controller, agent, keeper } = services;
    const here = (words: readonly string[]) => words.map((word) => word.replaceAll('controller:', '127.0.0.1:'));
    // One network of containers, and nobody else in it: loopback is all that there is.
    engine.start('controller', ['--network', 'none', ...optionsOf(controller)], here(controller.command));
    const inside = (name: string, ...words: readonly string[]): string => engine.podman(['exec', name, ...words]);
    const locum = (...words: readonly string[]): string => inside('controller', 'locum', ...words);
    const healthy = (name: string, { healthcheck }: Service) =>
      vi.waitFor(() => inside(name, ...(healthcheck?.test.slice(1) ?? [])), SOON);
    await healthy('controller', controller);

    const beside = ['--network', 'container:controller'];
    const line = locum('token', 'create', '--for', 'server/host-1').match(/^locum (agent join .*)$/m)?.[1] ?? '';
    const stateDir = ['--state-dir', '/var/lib/locum-agent'];
    expect(engine.once([...beside, ...optionsOf(agent)], [...line.split(' '), ...stateDir])).toContain('has joined');
    engine.start('agent', [...beside, ...optionsOf(agent)], agent.command);
    engine.start('keeper', [...beside, ...optionsOf(keeper)], keeper.command);
    await healthy('agent', agent);
    await vi.waitFor(() => expect(locum('server', 'list')).toMatch(/host-1 .*ALIVE .* yes/), SOON);
    engine.podman(['exec', 'controller', '/bin/sh', '-c', 'locum policy init | locum policy apply -f -']);
    expect(locum('policy', 'wait', 'my-service', '--for', 'running')).toContain('my-service is running');
    engine.podman(['stop', '--time', '60', 'keeper']);
    await vi.waitFor(() => expect(locum('events')).toMatch(/host-1 is LEFT/), { timeout: 20_000, interval: 250 });

    // As a node of Kubernetes does, with the right to make join tokens and nothing else; the second time there is nothing to do.
    locum('auth', 'role', 'set', 'enroller', '--permission', 'enrolment.write');
    const token = locum('auth', 'token', 'create', 'nodes', '--role', 'enroller').match(/^locum_\S+$/m)?.[0] ?? '';
    inside(
      'controller',
      'sh',
      '-c',
      `cd /var/lib/locum; mkdir enroller; cp admin.ca.crt enroller/ca.crt; echo ${token} >enroller/token`,
    );
    const node = ['NODE=node-1', 'STATE=/var/lib/node', 'LOCUM_ADDRESS=127.0.0.1:7400'].flatMap((one) => [
      '--env',
      one,
    ]);
    const mounts = ['--volume', 'node:/var/lib/node', '--volume', 'store:/var/lib/locum'];
    const script = joinScript().replaceAll('/etc/locum/enroller', '/var/lib/locum/enroller');
    const joins = () => engine.once([...beside, ...node, ...mounts, '--entrypoint', 'sh'], ['-ec', script]);
    expect(joins()).toContain('node-1 has joined');
    expect(joins()).not.toContain('joined');
  });

  it('comes up, is joined and goes down as the head of the compose file says, and knows all of it when it is up again', {
    timeout: TIMEOUT_MS,
  }, async (ctx) => {
    const obstacle = engineObstacle() ?? composeObstacle();
    if (obstacle !== undefined) ctx.skip(obstacle);
    provideImage();

    const [up = '', down = ''] = typedLines();
    const typed = (lines: string): string => engine.compose(COMPOSE, lines);
    const locum = (words: string): string => typed(`podman compose exec -T controller ${words}`);
    const hostIsBack = () =>
      vi.waitFor(() => expect(locum('locum server list')).toMatch(/host-1 .*ALIVE .* yes/), SOON);
    expect(typed(up)).toContain('host-1 has joined');
    await hostIsBack();
    locum("sh -c 'locum policy init | locum policy apply -f -'");
    expect(locum('locum policy wait my-service --for running')).toContain('my-service is running');

    typed(down);
    typed('podman compose up -d');
    await hostIsBack();
    expect(locum('locum policy wait my-service --for running')).toContain('my-service is running');
    // The first one was ended by the drain of a keeper that was stopped before its agent: it did not fail.
    const events = locum('locum events --since 1h');
    expect(events).toMatch(/host-1 is LEFT: it said Goodbye/);
    expect(events).not.toMatch(/ATTEMPT_ENDED +(EXITED|LOST)/);
  });
});

/** The image and its compose file: built and run where there is an engine, and held to the command line everywhere. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { builtPackages } from './built-packages.ts';
import { ContainerEngine, engineObstacle } from './container-engine.ts';
import { unknownWords } from './known-command.ts';

const FOLDER = join(import.meta.dirname, '../../deploy/container');
const TIMEOUT_MS = 400_000;

interface Service {
  readonly command: readonly string[];
  readonly user?: string;
  readonly pid?: string;
  readonly depends_on?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly read_only?: boolean;
  readonly volumes: readonly string[];
}

const { services }: { services: Record<'controller' | 'agent' | 'keeper', Service> } = parse(
  readFileSync(join(FOLDER, 'compose.yaml'), 'utf8'),
);

describe('the compose file', () => {
  it.each(Object.entries(services))('gives %s a command that there is', async (_name, { command }) => {
    expect(await unknownWords(command)).toEqual([]);
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

  it('runs controller, agent and keeper in containers, and the stop of the keeper leaves a Goodbye', {
    timeout: TIMEOUT_MS,
  }, async (ctx) => {
    const obstacle = engineObstacle();
    if (obstacle !== undefined) ctx.skip(obstacle);
    engine.build(join(FOLDER, 'Containerfile'), builtPackages().archive);

    const { controller, agent, keeper } = services;
    const store = controller.volumes.flatMap((volume) => ['--volume', volume]);
    const state = agent.volumes.flatMap((volume) => ['--volume', volume]);
    const closed = ['--user', controller.user ?? '', '--read-only', '--cap-drop', 'ALL'];
    // One network of containers, and nobody else in it: loopback is all that there is.
    engine.start('controller', ['--network', 'none', ...closed, ...store], controller.command);
    const beside = ['--network', 'container:controller', '--pid', 'host'];
    engine.start(
      'agent',
      [...beside, ...state],
      agent.command.map((word) => word.replace('controller:', '127.0.0.1:')),
    );
    engine.start('keeper', [...beside, ...state], keeper.command);

    const locum = (...words: readonly string[]): string =>
      engine.podman(['exec', 'controller', '/usr/local/bin/locum', ...words]);
    await vi.waitFor(() => expect(locum('server', 'list')).toMatch(/host-1 .*ALIVE .* yes/), {
      timeout: 60_000,
      interval: 500,
    });
    engine.podman(['exec', 'controller', '/bin/sh', '-c', 'locum policy init | locum policy apply -f -']);
    expect(locum('policy', 'wait', 'my-service', '--for', 'running')).toContain('my-service is running');
    engine.podman(['stop', '--time', '60', 'keeper']);
    await vi.waitFor(() => expect(locum('events')).toMatch(/host-1 is LEFT/), { timeout: 20_000, interval: 250 });
  });
});

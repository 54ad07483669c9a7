import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AgentFlags, loadAgentSettings, serverIdFrom } from '../../agent/config.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'locum-config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const ENV = { PATH: '/bin', HOME: '/home/me', XDG_STATE_HOME: '/state', SECRET: 'x' };

function load(text: string, flags: AgentFlags = {}) {
  const file = join(folder, 'agent.yaml');
  writeFileSync(file, text);
  return loadAgentSettings({ file, flags, env: ENV });
}

describe('the configuration of an agent', () => {
  it('has a default for everything', () => {
    const settings = loadAgentSettings({ flags: {}, env: ENV });
    expect(settings).toMatchObject({
      ...{ pool: 'default', controllers: ['127.0.0.1:7401'], stateDir: '/state/locum-agent', maxSlots: undefined },
      ...{
        probes: [],
        saturation: { cpu: { high: 0 }, memory: { high: 95, low: 85 } },
        logLevel: 'info',
        logFormat: 'auto',
      },
    });
    expect(settings.server).toMatch(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/);
  });

  it('names the file of the virtual machine by its whole path, a flag before the file', () => {
    expect(load('').vmGenerationFile).toBe('');
    expect(load('vm_generation_file: /run/a').vmGenerationFile).toBe('/run/a');
    expect(load('vm_generation_file: /run/a', { vmGenerationFile: 'b' }).vmGenerationFile).toBe(
      join(process.cwd(), 'b'),
    );
  });

  it('hands workloads what finds programs, and nothing else of its own environment', () => {
    expect(loadAgentSettings({ flags: {}, env: ENV }).baseEnv).toEqual({ PATH: '/bin', HOME: '/home/me' });
    expect(load('base_env: { A: b }').baseEnv).toEqual({ A: 'b' });
  });

  it('takes a flag over the file, and adds facts to those of the file', () => {
    const settings = load('server: web-1\nmax_slots: 3\ncapabilities: { room: "1", rack: "2" }', {
      ...{ server: 'web-2', capabilities: { rack: '3', gpu: '' } },
    });
    expect(settings).toMatchObject({ server: 'web-2', maxSlots: 3, capabilities: { room: '1', rack: '3', gpu: '' } });
  });

  it('reads probes, with spans as people write them', () => {
    const text = 'probes:\n  - { name: disk, argv: [df, -h], interval: 5m }';
    expect(load(text).probes).toEqual([{ name: 'disk', argv: ['df', '-h'], intervalMs: 300_000, timeoutMs: 10_000 }]);
  });

  it('says how much output is kept, and leaves what is not said to the keeper', () => {
    const text = 'output: { segments: 4, newest: 3, policy_bytes: 5000000000, max_age: 2h }';
    expect(load(text).output).toEqual({
      ...{ segmentBytes: undefined, segments: 4, newest: 3 },
      ...{ policyBytes: 5_000_000_000, hostBytes: undefined, maxAgeMs: 7_200_000 },
    });
  });

  it.each([
    ['an age below a minute', 'output: { max_age: 59s }', /output.max_age/],
    ['a room for output that holds nothing', 'output: { host_bytes: 10 }', /output.host_bytes/],
    ['an unknown key', 'contollers: [a:1]', /did you mean "controllers"/],
    ['an id that is none', 'server: Web_1', /server/],
    ['an endpoint without a port', 'controllers: [host]', /controllers\[0\].*host:port/],
    ['port 0', 'controllers: ["host:0"]', /controllers\[0\].*nowhere to connect/],
    ['a limit below zero', 'max_slots: -1', /max_slots/],
    ['a low mark above the high one', 'saturation: { cpu_high: 50, cpu_low: 60 }', /saturation.cpu_low.*60 is above/],
    ['a capability that no controller takes', 'capabilities: { gpu: "3\\t4" }', /capabilities.*control characters/],
    ['a machine id that no controller takes', 'machine_id: "a\\eb"', /machine_id.*control characters/],
    ['a capability with a bad name', 'capabilities: { "Big GPU": "1" }', /capabilities/],
    ['a probe without a program', 'probes: [{ name: a }]', /probes\[0\].argv/],
  ])('refuses %s, and says where', (_what, text, complaint) => {
    expect(() => load(text)).toThrow(complaint);
  });
});

describe('the id from a host’s name', () => {
  it.each([
    ['web-1.example.com', 'web-1'],
    ['WIN_SRV01', 'win-srv01'],
    ['10-0-0-1', 'server-10-0-0-1'],
    ['---', 'server'],
    ['', 'server'],
    [`${'a'.repeat(62)}-b`, 'a'.repeat(62)],
  ])('%s gives %s', (host, id) => {
    expect(serverIdFrom(host)).toBe(id);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DescMessage } from '@bufbuild/protobuf';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AGENT_VARIABLES, loadAgentSettings } from '../../agent/config.ts';
import { effectiveAgent } from '../../agent/effective.ts';
import { CONTROLLER_VARIABLES, controllerLayers, loadControllerSettings } from '../../controller/config/config.ts';
import { effectiveController } from '../../controller/config/effective.ts';
import { settingsOf } from '../../shared/config/environment.ts';
import { reloadOf, reloadText } from '../../shared/config/reload.ts';
import { LocumError } from '../../shared/errors.ts';
import { AgentConfigSchema } from '../../shared/gen/locum/config/v1/agent_config_pb.ts';
import { ControllerConfigSchema, LogLevel } from '../../shared/gen/locum/config/v1/controller_config_pb.ts';

function fileWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'locum-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'c.yaml');
  writeFileSync(file, text);
  return file;
}

function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof LocumError) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the layers of a configuration', () => {
  it('are a file, environment variables over it, flags over both, and each value knows where it is from', () => {
    const file = fileWith(
      'id: from-file\nlog_level: WARN\nretention:\n  events: 200\n  audit: 300\napi_listen: 127.0.0.1:1\n',
    );
    const env = {
      LOCUM_CONTROLLER_LOG_LEVEL: 'error',
      LOCUM_CONTROLLER_RETENTION_EVENTS: '500',
      LOCUM_CONTROLLER_ID: 'from-env',
    };
    const sources = { file, env, flags: { id: 'from-flag' } };
    expect(loadControllerSettings(sources)).toMatchObject({
      id: 'from-flag',
      logLevel: 'error',
      keep: { events: 500, audit: 300 },
      apiListen: { port: 1 },
    });
    const layers = controllerLayers(sources);
    expect(
      ['id', 'log_level', 'retention.events', 'retention.audit', 'store'].map((path) => layers.originOf(path)),
    ).toEqual([
      { kind: 'flag' },
      { kind: 'environment', at: 'LOCUM_CONTROLLER_LOG_LEVEL' },
      { kind: 'environment', at: 'LOCUM_CONTROLLER_RETENTION_EVENTS' },
      { kind: 'file', at: `${file}: line 5, column 3` },
      { kind: 'default' },
    ]);
  });

  it('keep what a flag does not name: --tls leaves the files of the authority', () => {
    const file = fileWith('tls: { ca_file: /a/ca.crt, ca_key_file: /a/ca.key }\n');
    const { tls } = loadControllerSettings({ file, env: {}, flags: { tls: {} as never } });
    expect(tls).toEqual({ caFile: '/a/ca.crt', caKeyFile: '/a/ca.key' });
  });

  it('take values of every kind from the environment, as a person writes them', () => {
    const env = {
      LOCUM_AGENT_CONTROLLERS: 'a.example:7401, b.example:7401',
      LOCUM_AGENT_CAPABILITIES: 'site=berlin,gpu',
      LOCUM_AGENT_MAX_SLOTS: '0',
      LOCUM_AGENT_EXTERNAL_KEEPER: 'true',
      LOCUM_AGENT_LOG_LEVEL: 'debug',
      LOCUM_AGENT_OUTPUT_MAX_AGE: '2h',
      LOCUM_AGENT_OUTPUT_POLICY_BYTES: '1048576',
      LOCUM_AGENT_PROBES: '[{ name: x, argv: [/bin/true] }]',
      LOCUM_AGENT_MACHINE_ID: '007',
      // As Kubernetes sets them for a service of this name.
      LOCUM_AGENT_SERVICE_HOST: '10.0.0.1',
      LOCUM_AGENT_PORT: 'tcp://10.0.0.1:7401',
      LOCUM_AGENT_PORT_7401_TCP: 'tcp://10.0.0.1:7401',
      LOCUM_ADDRESS: 'else',
    };
    const flags = { capabilities: { site: 'hamburg' } };
    expect(loadAgentSettings({ env, flags })).toMatchObject({
      controllers: ['a.example:7401', 'b.example:7401'],
      capabilities: { site: 'hamburg', gpu: '' },
      maxSlots: 0,
      externalKeeper: true,
      logLevel: 'debug',
      machineId: '007',
      output: { maxAgeMs: 7_200_000, policyBytes: 1_048_576 },
      probes: [{ name: 'x', argv: ['/bin/true'] }],
    });
    expect(loadControllerSettings({ env: { LOCUM_CONTROLLER_TLS: 'true' }, flags: {} }).tls).toEqual({});
  });

  it('tell of every mistake where it was made', () => {
    const file = fileWith('retention:\n  events: 2\n');
    expect(refusalOf(() => loadControllerSettings({ file, env: {}, flags: {} }))).toContain(
      `${file}: line 2, column 3: `,
    );
    const listen = fileWith('\n\nagent_listen: nowhere\n');
    expect(refusalOf(() => loadControllerSettings({ file: listen, env: {}, flags: {} }))).toContain('line 3, column 1');
    const ofEnv = (env: Record<string, string>) => refusalOf(() => loadControllerSettings({ env, flags: {} }));
    expect(ofEnv({ LOCUM_CONTROLLER_RETENTION_EVENTS: 'many' })).toContain('LOCUM_CONTROLLER_RETENTION_EVENTS: ');
    expect(ofEnv({ LOCUM_CONTROLLER_RETENTION_EVENTS: '2' })).toContain('LOCUM_CONTROLLER_RETENTION_EVENTS: ');
    expect(ofEnv({ LOCUM_CONTROLLER_AUDIT: '{ file: [' })).toContain('LOCUM_CONTROLLER_AUDIT: ');
    expect(ofEnv({ LOCUM_CONTROLLER_API_LISTN: 'x' })).toContain('did you mean LOCUM_CONTROLLER_API_LISTEN?');
    const agent = refusalOf(() => loadAgentSettings({ env: { LOCUM_AGENT_CONTROLLERS: 'a:1,b:0' }, flags: {} }));
    expect(agent).toContain('LOCUM_AGENT_CONTROLLERS: controllers[1]: port 0');
  });

  it.each<[string, DescMessage, string]>([
    ['controller', ControllerConfigSchema, CONTROLLER_VARIABLES],
    ['agent', AgentConfigSchema, AGENT_VARIABLES],
  ])('give each field of a %s one variable', (_program, schema, prefix) => {
    const variables = settingsOf(schema, prefix).map(({ variable }) => variable);
    expect(variables.length).toBeGreaterThan(20);
    expect(new Set(variables).size).toBe(variables.length);
  });
});

describe('a configuration with its defaults', () => {
  const env = { HOME: '/home/x', XDG_STATE_HOME: '/state', PATH: '/bin' };

  it('is one that gives the same settings when it is read', () => {
    const controller = {
      file: fileWith('allowed_hosts: [a.example]\nlog_level: DEBUG\naudit: { file: /a }\n'),
      env,
      flags: {},
    };
    const again = loadControllerSettings({
      file: fileWith(JSON.stringify(effectiveController(controller))),
      env,
      flags: {},
    });
    const { storeIsDefault, dataDirectoryIsDefault, ...settings } = loadControllerSettings(controller);
    expect([storeIsDefault, dataDirectoryIsDefault]).toEqual([true, true]);
    expect(again).toMatchObject(settings);
    const agent = { file: fileWith('server: web-1\nsaturation: { cpu_high: 80 }\n'), env, flags: { maxSlots: 3 } };
    const agentAgain = loadAgentSettings({ file: fileWith(JSON.stringify(effectiveAgent(agent))), env, flags: {} });
    expect(agentAgain).toEqual({ ...loadAgentSettings(agent), tlsDirIsNamed: true });
  });
});

describe('a configuration that is read again', () => {
  it('says what was taken over, and what needs a restart', () => {
    const load = (logLevel: LogLevel, id: string) => loadControllerSettings({ env: {}, flags: { logLevel, id } });
    const [before, after] = [load(LogLevel.INFO, 'a'), load(LogLevel.DEBUG, 'b')];
    const reload = reloadOf(before, after, ['logLevel', 'allowedHosts']);
    expect(reload).toEqual({ changed: ['log_level'], needsRestart: ['id'] });
    expect(reloadText(reload)).toBe(
      'the configuration was read again; taken over: log_level; another value after the next restart: id',
    );
    expect(reloadOf(before, before, ['logLevel'])).toEqual({ changed: [], needsRestart: [] });
  });
});

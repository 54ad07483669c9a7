import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ControllerFlags, loadControllerSettings } from '../../../controller/config/config.ts';
import { LocumError } from '../../../shared/errors.ts';
import { LogLevel } from '../../../shared/gen/locum/config/v1/controller_config_pb.ts';
import { DEFAULT_TIMERS } from '../../../shared/protocol/timers.ts';

const env = { XDG_STATE_HOME: '/state' };

function fileWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'locum-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'controller.yaml');
  writeFileSync(file, text);
  return file;
}

const load = (text: string, flags: ControllerFlags = {}) =>
  loadControllerSettings({ file: fileWith(text), flags, env });

function errorOf(act: () => unknown): LocumError {
  try {
    act();
  } catch (error) {
    if (error instanceof LocumError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the configuration of a controller', () => {
  it('is complete without a file: loopback, and a store in the user state folder', () => {
    expect(loadControllerSettings({ flags: {}, env })).toEqual({
      apiListen: { host: '127.0.0.1', port: 7400 },
      agentListen: { host: '127.0.0.1', port: 7401 },
      store: 'sqlite:/state/locum/store.sqlite',
      storeIsDefault: true,
      open: false,
      dataDirectory: '/state/locum',
      dataDirectoryIsDefault: true,
      adoptStore: false,
      logLevel: 'info',
      logFormat: 'auto',
      initialTimers: DEFAULT_TIMERS,
    });
  });

  it('comes from a file, and flags win over it', () => {
    const text = `
      api_listen: "[::1]:9000"
      store: "memory:"
      log_level: WARN
      log_format: JSON
      initial_timers: { missing_after: 60s }
      retention: { ended_runs: 200, audit: 500 }
      audit: { file: /var/log/locum/audit.jsonl, syslog: "tcp:log.example:601" }
    `;
    const settings = load(text, { logLevel: LogLevel.DEBUG, agentListen: 'localhost:0' });
    expect(settings).toMatchObject({
      apiListen: { host: '::1', port: 9000 },
      agentListen: { host: 'localhost', port: 0 },
      store: 'memory:',
      logLevel: 'debug',
      logFormat: 'json',
      initialTimers: { ...DEFAULT_TIMERS, missingAfterMs: 60_000 },
      keep: { events: 10_000, endedRuns: 200, requests: 100_000, audit: 500 },
      audit: { file: '/var/log/locum/audit.jsonl', syslog: { kind: 'tcp', host: 'log.example', port: 601 } },
    });
  });

  it('allows the host of api_advertise as Host only where a Host is judged', () => {
    const advertised = 'api_advertise: "c1.example:7400"';
    const far = 'api_listen: "0.0.0.0:7400"\ninsecure: true';
    expect(load(advertised).allowedHosts).toEqual(['c1.example']);
    expect(load(`${advertised}\n${far}`).allowedHosts).toBeUndefined();
    const named = 'allowed_hosts: [ locum.example ]';
    expect(load(`${advertised}\n${far}\n${named}`).allowedHosts).toEqual(['locum.example', 'c1.example']);
  });

  it('names what is no address of a syslog receiver', () => {
    const error = errorOf(() => load('audit: { syslog: /dev/log }'));
    expect(error.message).toContain('"/dev/log" is not udp:HOST:PORT, tcp:HOST:PORT or unix:/PATH');
  });

  it('names what it does not know', () => {
    const error = errorOf(() => load('api_lissten: 127.0.0.1:1'));
    expect(error.reason).toBe('INVALID_FIELD');
    expect(error.message).toContain('api_lissten');
    expect(error.message).toContain('api_listen');
  });

  it('speaks TLS on both listeners where other hosts can reach one of them, unless plaintext is meant', () => {
    expect(loadControllerSettings({ flags: {}, env }).tls).toBeUndefined();
    for (const flags of [{ apiListen: '0.0.0.0:7400' }, { agentListen: '10.0.0.7:7401' }]) {
      expect(loadControllerSettings({ flags, env }).tls).toEqual({});
      expect(loadControllerSettings({ flags: { ...flags, insecure: true }, env }).tls).toBeUndefined();
    }
    expect(load('insecure: true\ntls: {}').tls).toEqual({});
  });

  it('refuses timers that break an inequality, and names it', () => {
    const error = errorOf(() => load('initial_timers: { lease: 60s }'));
    expect(error).toMatchObject({ reason: 'TIMERS_INVALID' });
    expect(error.message).toContain('F·(L + G + K) ≤ M');
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadControllerSettings } from '../../../controller/config/config.ts';
import { LocumError } from '../../../shared/errors.ts';
import { writeSecrets } from './webhook-receiver.ts';

const folder = mkdtempSync(join(tmpdir(), 'locum-hooks-'));
const secret = join(folder, 'secret');
writeSecrets(secret);
afterAll(() => rmSync(folder, { recursive: true }));

function load(hooks: string) {
  const file = join(folder, 'controller.yaml');
  writeFileSync(file, `hooks:\n${hooks}`);
  return loadControllerSettings({ file, flags: {}, env: { XDG_STATE_HOME: folder } }).hooks;
}

function refusalOf(hooks: string): string {
  try {
    load(hooks);
  } catch (error) {
    if (error instanceof LocumError) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

const webhook = (url: string, more = ''): string =>
  `- name: pager\n  webhook: {url: '${url}', secret_file: '${secret}'${more}}\n`;

describe('hooks in the configuration', () => {
  it('are webhooks and commands, with a filter each', () => {
    const hooks = load(
      `${webhook('https://alerts.example/locum')}  only: {types: [RUN_FAILED], min_severity: ERROR, about: [pools/default]}\n` +
        '- name: notify\n  command: {argv: [/usr/local/bin/notify, --quiet], timeout: 3s}\n',
    );
    expect(hooks).toMatchObject([
      {
        name: 'pager',
        target: { kind: 'WEBHOOK', secretFile: secret, timeoutMs: 10_000, allowLoopback: false },
        only: { types: ['RUN_FAILED'], minSeverity: 'ERROR', about: ['pools/default'] },
      },
      {
        name: 'notify',
        target: { kind: 'COMMAND', argv: ['/usr/local/bin/notify', '--quiet'], timeoutMs: 3_000 },
        only: { types: [], minSeverity: undefined, about: [] },
      },
    ]);
  });

  it.each([
    [
      'http without plaintext',
      webhook('http://alerts.example/token'),
      /hooks\[0\].webhook.url: http:\/\/ shows events/,
    ],
    ['a password in the address', webhook('https://ann:pw@alerts.example/'), /must have no user and no password/],
    ['another scheme', webhook('file:///etc/passwd'), /must be an address that begins with https/],
    ['a metadata service', webhook('http://169.254.169.254/', ', plaintext: true'), /no webhook goes there/],
    ['a number that is this host', webhook('http://2130706433/', ', plaintext: true'), /127.0.0.1 is this host itself/],
    ['this host', webhook('http://[::1]/', ', plaintext: true'), /::1 is this host itself: set allow_loopback/],
    ['a secret that is not there', webhook('https://a.example/').replace(secret, `${secret}s`), /secret_file: ENOENT/],
    [
      'a program that a shell would have to find',
      '- name: n\n  command: {argv: [notify]}\n',
      /argv\[0\]: must be the absolute path/,
    ],
    [
      'a type that is none',
      `${webhook('https://a.example/')}  only: {types: [RUN_FAILD]}\n`,
      /did you mean RUN_FAILED\?/,
    ],
    ['a name of nothing', `${webhook('https://a.example/')}  only: {about: [web-1]}\n`, /"web-1" is not the name of/],
    ['a name twice', webhook('https://a.example/').repeat(2), /hooks\[1\].name: there are two hooks pager/],
    ['nobody to tell', '- name: pager\n', /target/],
  ])('are refused with %s', (_what, hooks, message) => {
    const refusal = refusalOf(hooks);
    expect(refusal).toMatch(message);
    expect(refusal).not.toMatch(/token|pw@/);
  });
});

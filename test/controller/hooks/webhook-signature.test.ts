import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readSecrets, signed } from '../../../controller/hooks/webhook-signature.ts';
import { present } from '../../../shared/assert.ts';
import { blocks } from '../../docs/shell-blocks.ts';
import { findProgram } from '../../rpc/foreign-client.ts';

const folder = mkdtempSync(join(tmpdir(), 'locum-secrets-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(text: string, mode = 0o600): string {
  const file = join(folder, 'secret');
  rmSync(file, { force: true });
  writeFileSync(file, text, { mode });
  return file;
}

/** From the libraries of Standard Webhooks. */
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

describe('the signature of a notification', () => {
  it('is that of Standard Webhooks, one for each secret', () => {
    const keys = readSecrets(fileWith(`${SECRET}\n\n${SECRET}\n`));
    const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
    expect(signed('msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330_900, '{"test": 2432232314}', keys)).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': `${signature} ${signature}`,
    });
  });

  it.each([
    ['nothing', '', /has no secret in it/],
    ['a text without its prefix', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', /line 1 of .* is no secret/],
    ['one that is too short', 'whsec_c2hvcnQ=', /must be whsec_ and 24 to 64 bytes/],
    ['no base64', 'whsec_????????????????????????????????', /is no secret/],
    ['more than four', `${SECRET}\n`.repeat(5), /more than 4 secrets/],
  ])('is not made with %s, and the error has nothing of the file', (_what, text, error) => {
    const file = fileWith(text);
    expect(() => readSecrets(file)).toThrow(error);
    expect(() => readSecrets(file)).not.toThrow(/MfKQ|c2hvcnQ/);
  });

  it('is not made with a secret that others on the host can read', () => {
    expect(() => readSecrets(fileWith(SECRET, 0o644))).toThrow(/open to other users of this host \(644\): chmod 600/);
  });

  it('is accepted by the example in docs/notifications.md, which refuses what was changed, is old, or has another key', (ctx) => {
    const python = findProgram('python3') ?? ctx.skip('there is no python3 on PATH');
    const example = present(blocks('docs/notifications.md', 'python')[0], 'the example').text;
    const keys = readSecrets(fileWith(SECRET));
    const body = '{"message": "Jörg 🦊"}';
    const verdicts = (
      [
        ['as it was sent', signed('id-1', Date.now(), body, keys), body, SECRET],
        ['two secrets', signed('id-1', Date.now(), body, [Buffer.alloc(32), ...keys]), body, SECRET],
        ['another body', signed('id-1', Date.now(), body, keys), `${body} `, SECRET],
        ['another id', { ...signed('id-1', Date.now(), body, keys), 'webhook-id': 'id-2' }, body, SECRET],
        ['an hour old', signed('id-1', Date.now() - 3_600_000, body, keys), body, SECRET],
        ['another key', signed('id-1', Date.now(), body, [Buffer.alloc(32)]), body, SECRET],
      ] as const
    ).map(([what, headers, received, secret]) => {
      const call = 'import json, sys\nh, b, s = json.load(sys.stdin)\nprint(is_ours(h, b.encode(), s))\n';
      const input = JSON.stringify([headers, received, secret]);
      const { stdout, stderr } = spawnSync(python, ['-c', `${example}\n${call}`], { input, encoding: 'utf8' });
      return [what, `${stdout}${stderr}`.trim()];
    });
    expect(Object.fromEntries(verdicts)).toEqual({
      ...{ 'as it was sent': 'True', 'two secrets': 'True' },
      ...{ 'another body': 'False', 'another id': 'False', 'an hour old': 'False', 'another key': 'False' },
    });
  });
});

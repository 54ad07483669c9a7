import { create, type DescField, type DescMessage, fromJson, type JsonValue, toJson } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HIDDEN, jsonWithoutSecrets, textWithoutSecrets } from '../../shared/config/secrets.ts';
import { file_locum_config_v1_agent_config } from '../../shared/gen/locum/config/v1/agent_config_pb.ts';
import { file_locum_config_v1_controller_config } from '../../shared/gen/locum/config/v1/controller_config_pb.ts';
import { PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { ListRunsResponseSchema } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { services } from '../e2e/every-method.ts';

/** A message and all that can be in it. */
function within(schema: DescMessage, seen = new Set<DescMessage>()): ReadonlySet<DescMessage> {
  if (seen.has(schema)) return seen;
  seen.add(schema);
  for (const { message } of schema.fields) if (message !== undefined) within(message, seen);
  return seen;
}

const isMarked = ({ proto }: DescField): boolean => proto.options?.debugRedact === true;

describe('what is shown to whoever looks for a fault', () => {
  it('has the names of variables and not their values, no script and no arguments', () => {
    const policy = fromJson(PolicySchema, {
      name: 'policies/a',
      workload: {
        script: { text: 'curl -u ann:hunter2 x' },
        env: { HOME: '/srv', DB: 'hunter2' },
        envFrom: { KEY: { file: 'db-password' } },
      },
    });
    const shown = jsonWithoutSecrets(PolicySchema, toJson(PolicySchema, policy));
    expect(shown).toMatchObject({
      name: 'policies/a',
      workload: {
        script: { text: HIDDEN },
        env: { HOME: HIDDEN, DB: HIDDEN },
        envFrom: { KEY: { file: 'db-password' } },
      },
    });
    const runs = create(ListRunsResponseSchema, { runs: [{ name: 'runs/a-1', arguments: ['--user', 'hunter2'] }] });
    const list = toJson(ListRunsResponseSchema, runs, { useProtoFieldName: true });
    expect(jsonWithoutSecrets(ListRunsResponseSchema, list)).toEqual({
      runs: [{ name: 'runs/a-1', arguments: [HIDDEN, HIDDEN] }],
    });
  });

  it.each([
    ['an address with a login', 'etcd://ann:hunter2@host:2379/x'],
    ['an address with a name of a login', 'https://hunter2@host/x'],
    ['a header', 'Authorization: Bearer hunter2'],
    ['a header of names', 'authorization: Basic aHVudGVyMg=='.replace('aHVudGVyMg==', 'hunter2')],
    ['a flag', 'backup --db-password=hunter2 --all'],
    ['a flag with a blank', 'backup --api-key hunter2 --all'],
    ['a variable', 'PGPASSWORD=hunter2 psql'],
    ['a quoted value', `{"client_secret": "hunter2"}`],
    ['a setting', 'passwd: hunter2'],
    ['a token of Locum', `locum_abc123_hunter2${'x'.repeat(36)}`],
    ['a key', '-----BEGIN EC PRIVATE KEY-----\nhunter2\n-----END EC PRIVATE KEY-----'],
    ['a key that is cut off', '-----BEGIN PRIVATE KEY-----\nhunter2'],
  ])('has no secret of %s', (_name, text) => {
    const shown = textWithoutSecrets(text);
    expect(shown).not.toContain('hunter2');
    expect(shown).toContain(HIDDEN);
    expect(textWithoutSecrets(shown)).toBe(shown);
  });

  it('has no secret that is a word of its own behind its flag', () => {
    const argv = ['psql', '--password', 'hunter2', '-n', '5'];
    const policy = fromJson(PolicySchema, { workload: { command: { argv } } });
    expect(jsonWithoutSecrets(PolicySchema, toJson(PolicySchema, policy))).toEqual({
      workload: { command: { argv: ['psql', '--password', HIDDEN, '-n', '5'] } },
    });
  });

  it('keeps what only looks a little like one', () => {
    for (const text of [
      'tokens/abc of ann was revoked',
      'password_file: /etc/locum/pw',
      'web-1 is MISSING: no heartbeat for 45s',
      'https://host/x?page=2',
      '--token-file /run/token',
    ]) {
      expect(textWithoutSecrets(text)).toBe(text);
    }
  });

  it('never fails, and hides what it hides once and for all', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        const shown = jsonWithoutSecrets(PolicySchema, json as JsonValue);
        expect(jsonWithoutSecrets(PolicySchema, shown)).toEqual(shown);
      }),
    );
  });

  it('is said of each field that a secret may be in, so that a new one is not forgotten', () => {
    const answers = services.flatMap(({ methods }) => methods.flatMap(({ input, output }) => [input, output]));
    const files = [file_locum_config_v1_agent_config, file_locum_config_v1_controller_config];
    const all = new Set([...answers, ...files.flatMap(({ messages }) => messages)].flatMap((one) => [...within(one)]));
    const doubtful = [...all]
      .filter(({ typeName }) => typeName.startsWith('locum.'))
      .flatMap(({ typeName, fields }) => fields.map((field) => ({ field, id: `${typeName}.${field.name}` })))
      .filter(({ field }) => /secret|password|(?:^|_)token$|private|(?:^|_)env$|^arguments$/.test(field.name))
      .filter(({ field }) => field.message === undefined || field.fieldKind === 'map')
      .filter(({ field }) => !isMarked(field) && !/page_token$|_file$/.test(field.name))
      .map(({ id }) => id);
    // Names of variables of the agent, not their values.
    expect(doubtful).toEqual(['locum.v1.ValueSource.agent_env', 'locum.config.v1.Secrets.agent_env']);
  });
});

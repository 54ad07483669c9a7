/** docs/reference: configuration, policy files, metrics. That they are what is made now is a step of `npm run check`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AGENT_VARIABLES } from '../../agent/config.ts';
import { CONTROLLER_VARIABLES } from '../../controller/config/config.ts';
import { ControllerMetrics } from '../../controller/metrics.ts';
import { agentMetrics } from '../../scripts/metrics-page.ts';
import { innerOf, settingsOf } from '../../shared/config/environment.ts';
import { AgentConfigSchema } from '../../shared/gen/locum/config/v1/agent_config_pb.ts';
import { ControllerConfigSchema } from '../../shared/gen/locum/config/v1/controller_config_pb.ts';
import { PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';

const page = (name: string): string =>
  readFileSync(join(import.meta.dirname, `../../docs/reference/${name}.md`), 'utf8');
const anchorsOf = (text: string): readonly string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );

describe.each(['configuration', 'policy'])('the reference of %s', (name) => {
  const text = page(name);

  it('has one heading for each link, and a table or a sentence below it', () => {
    const anchors = anchorsOf(text);
    const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = '']) => anchor);
    expect(links.length).toBeGreaterThan(2);
    expect(links.filter((link) => anchors.filter((anchor) => anchor === link).length !== 1)).toEqual([]);
  });

  it('says something of every field and every word', () => {
    const rows = [...text.matchAll(/^\| `([\w.]+)` \| (.*) \|$/gm)].map(([, field = '', rest = '']) => ({
      field,
      rest,
    }));
    expect(rows.length).toBeGreaterThan(30);
    expect(rows.filter(({ rest }) => !/[A-Za-z].*\./.test(rest)).map(({ field }) => field)).toEqual([]);
  });
});

describe('the reference of the configuration', () => {
  it.each([
    ['a controller', ControllerConfigSchema, CONTROLLER_VARIABLES],
    ['an agent', AgentConfigSchema, AGENT_VARIABLES],
  ] as const)('has every field of %s with its variable', (_name, schema, prefix) => {
    const text = page('configuration');
    const leaves = settingsOf(schema, prefix).filter(({ field }) => innerOf(field) === undefined);
    expect(leaves.length).toBeGreaterThan(15);
    const missing = leaves.filter(
      ({ path, variable }) => !new RegExp(`^\\| \`${path.replaceAll('.', '\\.')}\` .*\`${variable}\``, 'm').test(text),
    );
    expect(missing.map(({ path }) => path)).toEqual([]);
  });

  it('names the flag where there is one', () => {
    const flagOf = (path: string) =>
      new RegExp(`^\\| \`${path}\` \\|[^|]*\\|[^|]*\\| (.*?) \\|`, 'm').exec(page('configuration'))?.[1];
    expect(
      ['api_listen', 'data_directory', 'access\\.open', 'tls\\.ca_file', 'etcd\\.user', 'capabilities'].map(flagOf),
    ).toEqual(['`--api-listen`', '`--data-dir`', '`--open`', '', '', '`--capability`']);
  });
});

describe('the reference of policy files', () => {
  it('has what people write, and nothing that Locum sets', () => {
    const [, own = ''] = page('policy').split('\n## ');
    const listed = [...own.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = '']) => name);
    const all = PolicySchema.fields.map(({ name }) => name);
    expect(listed.filter((name) => !all.includes(name))).toEqual([]);
    expect(listed).toEqual(expect.arrayContaining(['name', 'workload', 'servers', 'on_disconnect']));
    for (const name of ['uid', 'create_time', 'runs', 'reconciling', 'next_tick_time'])
      expect(listed).not.toContain(name);
  });
});

describe('the reference of the metrics', () => {
  it('has every metric of a controller and of an agent', async () => {
    const text = `${await new ControllerMetrics().registry.metrics()}\n${await agentMetrics().registry.metrics()}`;
    const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name);
    expect(names.length).toBeGreaterThan(40);
    expect(names.filter((name) => !page('metrics').includes(`| \`${name}\` |`))).toEqual([]);
  });
});

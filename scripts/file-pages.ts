/**
 * The texts of docs/reference/configuration.md and docs/reference/policy.md: what can stand in the files that people write, from the
 * comments and rules of the protos. `npm run generate` writes them.
 */
import {
  createFileRegistry,
  type DescEnum,
  type DescField,
  type DescMessage,
  type FileRegistry,
  ScalarType,
} from '@bufbuild/protobuf';
import type { FileDescriptorSet } from '@bufbuild/protobuf/wkt';
import { Command } from 'commander';
import { AGENT_VARIABLES } from '../agent/config.ts';
import { addAgentOptions } from '../cli/agent/command.ts';
import { flagOf } from '../cli/config/settings.ts';
import { addControllerOptions } from '../cli/controller/command.ts';
import { CONTROLLER_VARIABLES } from '../controller/config/config.ts';
import { innerOf, settingsOf } from '../shared/config/environment.ts';
import { commentOf } from './proto-comments.ts';
import { rulesOf } from './proto-rules.ts';

const CONFIGURATION = `# Reference of the configuration

Printed from \`proto/locum/config/v1\` by \`npm run generate\`. A value comes from the file, over it from the environment variable, over both
from the flag; [operations](../operations.md#configuration) says how they are checked, shown and read again. Files are YAML, a field with a
dot is inside another one (\`audit: { file: … }\`). The column "rule" has what a value must keep.`;

const POLICY = `# Reference of policy files

Printed from \`proto/locum/v1/policy.proto\` by \`npm run generate\`: what a file for \`locum policy apply\` can have. \`locum policy init\` prints a
file to begin with, with the choices as comments. Names of servers and pools may be given without their collection, words without their
beginning (\`STOP\`), spans as \`10s\` or \`1h30m\`. What Locum sets by itself is in [the reference of the API](api.md#policy).`;

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
const anchorOf = (heading: string): string => heading.toLowerCase().replaceAll(/[^\w-]/g, '');
const isOurs = (type: DescMessage | DescEnum | undefined): boolean => type?.typeName.startsWith('locum.') === true;
const isSetByLocum = (field: DescField): boolean => commentOf(field).startsWith('Output only.');

/** Messages and enums that have a table of their own, in the order in which they are met. */
class Types {
  readonly #met = new Set<DescMessage | DescEnum>();

  link(type: DescMessage | DescEnum): string {
    this.#met.add(type);
    return `[${type.name}](#${anchorOf(type.name)})`;
  }

  /** Tables name further types, which are printed after them. */
  *sections(): Generator<string> {
    for (const type of this.#met) {
      yield `### ${type.name}`;
      yield commentOf(type);
      yield type.kind === 'enum' ? words(type) : this.fields(type);
    }
  }

  fields(message: DescMessage): string {
    const shown = message.fields.filter((field) => !isSetByLocum(field));
    const rows = shown.map((field) => row([`\`${field.name}\``, this.typeOf(field), commentOf(field), rulesOf(field)]));
    return ['| field | value | what it is | rule |', '|---|---|---|---|', ...rows].join('\n');
  }

  typeOf(field: DescField): string {
    const choice = field.oneof === undefined ? '' : `, one of these: ${namesOf(field.oneof.fields)}`;
    const one = this.#valueOf(field.enum ?? field.message, field);
    if (field.fieldKind === 'list') return `list of ${one}`;
    return field.fieldKind === 'map' ? `map, name to ${one}` : `${one}${choice}`;
  }

  #valueOf(type: DescMessage | DescEnum | undefined, field: DescField): string {
    if (type === undefined) return plainWord(field.scalar);
    if (isOurs(type)) return this.link(type);
    return SPANS[type.typeName] ?? type.name;
  }
}

const SPANS: Readonly<Record<string, string>> = {
  'google.protobuf.Duration': 'span',
  'google.protobuf.Timestamp': 'time',
};

const namesOf = (fields: readonly DescField[]): string => fields.map(({ name }) => `\`${name}\``).join(', ');

function plainWord(type: ScalarType | undefined): string {
  if (type === ScalarType.BOOL) return 'true or false';
  return type === undefined || type === ScalarType.STRING ? 'text' : 'number';
}

/** Without the one that means that nothing was said. */
function words({ values }: DescEnum): string {
  const rows = values
    .filter(({ number }) => number !== 0)
    .map((value) => row([`\`${value.localName}\``, commentOf(value)]));
  return ['| word | what it means |', '|---|---|', ...rows].join('\n');
}

interface Program {
  readonly title: string;
  readonly type: string;
  readonly variables: string;
  readonly options: Command;
}

const PROGRAMS: readonly Program[] = [
  {
    title: 'Controller',
    type: 'locum.config.v1.ControllerConfig',
    variables: CONTROLLER_VARIABLES,
    options: addControllerOptions(new Command()),
  },
  {
    title: 'Agent',
    type: 'locum.config.v1.AgentConfig',
    variables: AGENT_VARIABLES,
    options: addAgentOptions(new Command()),
  },
];

function messageNamed(registry: FileRegistry, name: string): DescMessage {
  const message = registry.getMessage(name);
  if (message === undefined) throw new Error(`no message ${name}`);
  return message;
}

function programParts(
  registry: FileRegistry,
  types: Types,
  { title, type, variables, options }: Program,
): readonly string[] {
  const message = messageNamed(registry, type);
  const flags = new Set(options.options.map(({ long }) => long));
  const rows = settingsOf(message, variables)
    .filter(({ field }) => innerOf(field) === undefined || innerOf(field)?.fields.length === 0)
    .map(({ path, field, variable }) => {
      const flag = flagOf(path);
      const isFlag = flags.has(flag) && (flag !== '--tls' || path === 'tls');
      return row([
        `\`${path}\``,
        types.typeOf(field),
        `\`${variable}\``,
        isFlag ? `\`${flag}\`` : '',
        commentOf(field),
        rulesOf(field),
      ]);
    });
  const head = ['| field | value | variable | flag | what it is | rule |', '|---|---|---|---|---|---|'];
  return [`## ${title}`, commentOf(message), [...head, ...rows].join('\n')];
}

const pageOf = (parts: readonly string[]): string => `${parts.filter((part) => part !== '').join('\n\n')}\n`;

/** @param set `locum/config/v1` and all that it imports, with source code info */
export function configurationPage(set: FileDescriptorSet): string {
  const registry = createFileRegistry(set);
  const types = new Types();
  const programs = PROGRAMS.flatMap((program) => programParts(registry, types, program));
  return pageOf([CONFIGURATION, ...programs, '## What stands inside', ...types.sections()]);
}

/** @param set `locum/v1` and all that it imports, with source code info */
export function policyPage(set: FileDescriptorSet): string {
  const types = new Types();
  const policy = messageNamed(createFileRegistry(set), 'locum.v1.Policy');
  return pageOf([
    POLICY,
    '## A policy',
    commentOf(policy),
    types.fields(policy),
    '## What stands inside',
    ...types.sections(),
  ]);
}

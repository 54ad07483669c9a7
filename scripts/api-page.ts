/** The text of docs/reference/api.md: what the protos' comments and rules say of every element. `npm run generate` writes it. */
import {
  createFileRegistry,
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescService,
  type FileRegistry,
  ScalarType,
} from '@bufbuild/protobuf';
import type { FileDescriptorSet } from '@bufbuild/protobuf/wkt';
import { type MethodRule, ruleOf } from '../shared/access/method-access.ts';
import { commentOf } from './proto-comments.ts';
import { rulesOf } from './proto-rules.ts';

/** What agents and controllers say to each other, and the option of methods: no part of what a client sends. */
const NOT_FOR_CLIENTS = new Set(['locum/v1/agent_service', 'locum/v1/access']);
/** In the order in which people meet them; what is not named comes after. */
const FIRST = ['PolicyService', 'RunService', 'ServerService', 'PoolService', 'EventService', 'FenceService'];

const INTRODUCTION = `# Reference of the API

Printed from \`proto/locum/v1\` by \`npm run generate\`. Every method is called over gRPC, gRPC-Web, or as JSON by Connect: \`POST
/locum.v1.PolicyService/GetPolicy\` with \`Content-Type: application/json\`. [The client libraries](../../sdk/README.md) have the same names.
Errors are told apart by their reason ([all of them](../errors.md)), events by their type ([all of them](../events.md)). What a caller needs is
a permission ([all of them](../access.md)). The column "rule" has what a request must keep, else it is refused with INVALID_FIELD.`;

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const anchorOf = (heading: string): string => heading.toLowerCase().replaceAll(/[^\w-]/g, '');
/** Nested ones are named with what they are in. */
const nameOf = ({ typeName, file }: DescMessage | DescEnum): string => typeName.slice(file.proto.package.length + 1);

class Printer {
  readonly #files: readonly DescFile[];
  /** Of these there is a heading. */
  readonly #types: ReadonlySet<string>;

  constructor(registry: FileRegistry) {
    this.#files = [...registry.files].filter(({ name }) => name.startsWith('locum/v1/') && !NOT_FOR_CLIENTS.has(name));
    this.#types = new Set([...this.#messages(), ...this.#enums()].map(({ typeName }) => typeName));
  }

  #messages(): DescMessage[] {
    const within = (message: DescMessage): DescMessage[] => [message, ...message.nestedMessages.flatMap(within)];
    return this.#files.flatMap(({ messages }) => messages.flatMap(within)).filter(({ proto }) => !isMapEntry(proto));
  }

  #enums(): DescEnum[] {
    return [
      ...this.#files.flatMap(({ enums }) => enums),
      ...this.#messages().flatMap(({ nestedEnums }) => nestedEnums),
    ];
  }

  print(): string {
    const services = this.#files.flatMap((file) => file.services).toSorted((a, b) => placeOf(a) - placeOf(b));
    const told = new Set<DescMessage>();
    const parts = services.flatMap((service) => this.#service(service, told));
    const others = this.#messages().filter((message) => !told.has(message));
    return [
      INTRODUCTION,
      ['| service | methods |', '|---|---|', ...services.map(contents)].join('\n'),
      ...parts,
      '## Messages',
      ...others.toSorted(byName).flatMap((message) => [`### ${nameOf(message)}`, ...this.#message(message)]),
      '## Enums',
      ...this.#enums()
        .toSorted(byName)
        .flatMap((type) => [`### ${nameOf(type)}`, ...enumParts(type)]),
      '',
    ]
      .filter((part, index, all) => part !== '' || index === all.length - 1)
      .join('\n\n')
      .replace(/\n+$/, '\n');
  }

  #service(service: DescService, told: Set<DescMessage>): string[] {
    return [`## ${service.name}`, commentOf(service), ...service.methods.flatMap((one) => this.#method(one, told))];
  }

  /** With its request and its answer, where no other method has told them. */
  #method(method: DescMethod, told: Set<DescMessage>): string[] {
    const { input, output, methodKind } = method;
    const new_ = [input, output].filter((message) => !told.has(message) && this.#types.has(message.typeName));
    for (const message of new_) told.add(message);
    const answer = `${methodKind === 'server_streaming' ? 'a stream of ' : ''}${this.#link(output)}`;
    return [
      `### ${method.name}`,
      commentOf(method),
      `Takes ${this.#link(input)}, gives ${answer}.\n${needs(ruleOf(method))}`,
      ...new_.flatMap((message) => [`#### ${nameOf(message)}`, ...this.#message(message)]),
    ];
  }

  #message(message: DescMessage): string[] {
    if (message.fields.length === 0) return [commentOf(message)];
    const rows = message.fields.map((field) =>
      [`\`${field.name}\``, `${field.number}`, this.#typeOf(field), commentOf(field), rulesOf(field)]
        .map(cell)
        .join(' | '),
    );
    const table = ['| field | number | type | what it is | rule |', '|---|--:|---|---|---|'];
    return [commentOf(message), [...table, ...rows.map((row) => `| ${row} |`)].join('\n')];
  }

  #typeOf(field: DescField): string {
    const choice = field.oneof === undefined ? '' : `, one of \`${field.oneof.name}\``;
    const optional = field.proto.proto3Optional ? ', optional' : '';
    switch (field.fieldKind) {
      case 'scalar':
        return `${scalar(field)}${choice}${optional}`;
      case 'enum':
        return `${this.#link(field.enum)}${choice}${optional}`;
      case 'message':
        return `${this.#link(field.message)}${choice}`;
      case 'list':
        return `repeated ${this.#link(field.enum ?? field.message) || scalar(field)}`;
      case 'map':
        return `map of ${this.#link(field.enum ?? field.message) || 'string'} by string`;
    }
  }

  #link(type: DescMessage | DescEnum | undefined): string {
    if (type === undefined) return '';
    if (!this.#types.has(type.typeName)) return type.name;
    return `[${nameOf(type)}](#${anchorOf(nameOf(type))})`;
  }
}

const isMapEntry = (proto: DescMessage['proto']): boolean => proto.options?.mapEntry === true;
const byName = (a: DescMessage | DescEnum, b: DescMessage | DescEnum): number => (nameOf(a) < nameOf(b) ? -1 : 1);

function placeOf({ name }: DescService): number {
  const place = FIRST.indexOf(name);
  return place < 0 ? FIRST.length : place;
}

function contents({ name, methods }: DescService): string {
  const links = methods.map((method) => `[${method.name}](#${anchorOf(method.name)})`);
  return `| [${name}](#${anchorOf(name)}) | ${links.join(', ')} |`;
}

function needs(rule: MethodRule | undefined): string {
  switch (rule?.kind) {
    case undefined:
      return 'Nobody may call it.';
    case 'everybody':
      return 'Anybody may call it.';
    case 'known':
      return 'Any token or certificate will do.';
    case 'permission':
      return `Needs \`${rule.permission}\`${rule.reach === 'RESOURCES' ? '' : ' for everything'}.`;
  }
}

function enumParts(type: DescEnum): string[] {
  const rows = type.values.map((value) => `| \`${value.name}\` | ${value.number} | ${cell(commentOf(value))} |`);
  return [commentOf(type), ['| value | number | what it means |', '|---|--:|---|', ...rows].join('\n')];
}

const scalar = ({ scalar: type }: DescField): string =>
  type === undefined ? '' : (ScalarType[type] ?? '').toLowerCase();

/** @param set `locum/v1` and all that it imports, with source code info */
export function apiPage(set: FileDescriptorSet): string {
  return new Printer(createFileRegistry(set)).print();
}

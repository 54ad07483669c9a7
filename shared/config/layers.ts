/**
 * The configuration of a program: a file, then environment variables over it, then flags over both. Each value knows where it is from, and
 * whatever is wrong with one is told with that place.
 */
import {
  create,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type MessageInitShape,
  type MessageShape,
  toJson,
} from '@bufbuild/protobuf';
import { invalidFields, LocumError } from '../errors.ts';
import { parseStrictDocuments, type StrictDocument } from '../rpc/strict-json.ts';
import { validate } from '../rpc/validation.ts';
import { readUtf8File } from '../utf8-file.ts';
import { configFromEnvironment, type FromEnvironment } from './environment.ts';
import { isJsonObject, mergedJson } from './json-merge.ts';

export interface LayerSources<Desc extends DescMessage> {
  /** Path of a YAML file. Undefined: none. */
  readonly file: string | undefined;
  /** Of the variables, `LOCUM_CONTROLLER_`. */
  readonly prefix: string;
  /** Environment of this process. */
  readonly env: NodeJS.ProcessEnv;
  /** What flags set; a field that is not there leaves the others'. */
  readonly flags: MessageInitShape<Desc>;
}

/** Where a value is from. `at`: the file with the line, the variable, or nothing more. */
export type Origin =
  | { readonly kind: 'flag' }
  | { readonly kind: 'environment'; readonly at: string }
  | { readonly kind: 'file'; readonly at: string }
  | { readonly kind: 'default' };

export class LayeredConfig<Desc extends DescMessage> {
  readonly config: MessageShape<Desc>;
  readonly #file: string | undefined;
  readonly #document: StrictDocument<Desc> | undefined;
  readonly #fileJson: JsonObject;
  readonly #environment: FromEnvironment;
  readonly #flags: JsonObject;

  /** @throws LocumError INVALID_FIELD that names the line of the file, the variable or the flag */
  constructor(schema: Desc, { file, prefix, env, flags }: LayerSources<Desc>) {
    this.#file = file;
    this.#document = file === undefined ? undefined : documentOf(schema, file);
    this.#fileJson = this.#document === undefined ? {} : jsonOf(schema, this.#document.message);
    this.#environment = configFromEnvironment(schema, prefix, env);
    this.#flags = jsonOf(schema, create(schema, flags));
    const merged = [this.#environment.json, this.#flags].reduce(mergedJson, this.#fileJson);
    this.config = fromJson(schema, merged);
    this.located(() => validate(schema, this.config));
  }

  /** Of a field, `audit.file`, or of one inside of it (`probes[2].argv`). */
  originOf(path: string): Origin {
    const plain = path.replaceAll(/\[.*$/g, '');
    if (has(this.#flags, plain)) return { kind: 'flag' };
    if (has(this.#environment.json, plain)) {
      const { variables } = this.#environment;
      const names = plain.split('.').map((_, i, parts) => parts.slice(0, parts.length - i).join('.'));
      return { kind: 'environment', at: names.flatMap((name) => variables.get(name) ?? []).at(0) ?? '' };
    }
    if (!has(this.#fileJson, plain)) return { kind: 'default' };
    return { kind: 'file', at: `${this.#file}: ${this.#document?.placeOf(path) ?? ''}` };
  }

  /** Does what judges the values. @throws LocumError what that throws, with where the value is from */
  located<T>(judge: () => T): T {
    try {
      return judge();
    } catch (error) {
      throw error instanceof LocumError ? this.#placed(error) : error;
    }
  }

  #placed(error: LocumError): LocumError {
    const { reason, message, metadata, resource, fieldViolations } = error;
    const [first] = fieldViolations;
    const place = first === undefined ? '' : this.#place(first.field);
    return new LocumError(reason, `${place}${message}`, {
      metadata,
      resource,
      fieldViolations: fieldViolations.map(({ field, description }) => ({
        field,
        description: `${this.#place(field)}${description}`,
      })),
    });
  }

  /** To be put in front. Of a flag it is plain where it is from. */
  #place(field: string): string {
    const origin = this.originOf(field);
    return origin.kind === 'file' || origin.kind === 'environment' ? `${origin.at}: ` : '';
  }
}

const jsonOf = <Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): JsonObject => {
  const json = toJson(schema, message, { useProtoFieldName: true });
  return isJsonObject(json) ? json : {};
};

function has(json: JsonObject, path: string): boolean {
  let value: JsonValue | undefined = json;
  for (const name of path.split('.')) value = isJsonObject(value) ? value[name] : undefined;
  return value !== undefined;
}

/** Undefined: the file is empty. */
function documentOf<Desc extends DescMessage>(schema: Desc, file: string): StrictDocument<Desc> | undefined {
  const documents = parseStrictDocuments(schema, readUtf8File(file), { source: file });
  if (documents.length > 1)
    throw invalidFields([{ field: '', description: `${file}: has ${documents.length} documents, one is wanted` }]);
  return documents[0];
}

/** Where each setting of a command comes from: flags, then the environment, then a context, then the defaults. Pure. */
import type { OutputForm } from '../output/forms.ts';
import { DEFAULT_ADDRESS } from './addresses.ts';

/** A setting, and where it comes from: `--address`, `LOCUM_ADDRESS`, `context prod`, `default`. */
export interface Sourced<T> {
  readonly value: T;
  readonly from: string;
}

/** Where the token is that says who calls. */
export type TokenSource =
  | { readonly kind: 'text'; readonly token: string }
  /** On the first line of a file. */
  | { readonly kind: 'file'; readonly path: string }
  /** On the first line of what this prints. */
  | { readonly kind: 'command'; readonly command: string }
  /** What `locum login` left in the file of contexts. */
  | { readonly kind: 'login'; readonly context: string; readonly path: string }
  /** That of the administrator of this host, in the data directory of its controller: it goes to loopback only. */
  | { readonly kind: 'local'; readonly path: string };

/** What TLS is spoken with. With nothing in it: the authorities of the system stand for the controllers. */
export interface TlsFiles {
  readonly caFile?: string;
  /** With its key. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Has all three. */
  readonly folder?: string;
}

/** What one place says. */
export interface Layer {
  readonly address?: Sourced<readonly string[]>;
  /** Undefined, too, where nothing is said: a layer that names a single file names all that there are. */
  readonly tls?: Sourced<TlsFiles>;
  readonly token?: Sourced<TokenSource>;
  readonly output?: Sourced<OutputForm>;
}

export interface NamedContext {
  readonly name: string;
  /** What chose it. The context of a flag is a flag: it goes before the environment. */
  readonly chosenBy: '--context' | 'LOCUM_CONTEXT' | 'current_context';
  readonly says: Layer;
}

export interface Layers {
  readonly flags: Layer;
  readonly environment: Layer;
  readonly context: NamedContext | undefined;
}

export interface Effective {
  /** The context that counts. */
  readonly context: Sourced<string> | undefined;
  /** A context that does not, because what goes before it names controllers of somebody else. */
  readonly leftOut: string | undefined;
  readonly address: Sourced<readonly string[]>;
  readonly tls: Sourced<TlsFiles> | undefined;
  readonly token: Sourced<TokenSource> | undefined;
  readonly output: Sourced<OutputForm>;
}

const DEFAULT = 'default';

/** The first that says something of a setting is heard. */
export function effectiveOf({ flags, environment, context }: Layers): Effective {
  const isFlag = context?.chosenBy === '--context';
  const leftOut = context !== undefined && !isFlag && isElsewhere(flags.address ?? environment.address, context);
  const layers =
    context === undefined || leftOut
      ? [flags, environment]
      : isFlag
        ? [flags, context.says, environment]
        : [flags, environment, context.says];
  const first = <K extends keyof Layer>(key: K): Layer[K] | undefined =>
    layers.find((layer) => layer[key] !== undefined)?.[key];
  return {
    context: context === undefined || leftOut ? undefined : { value: context.name, from: context.chosenBy },
    leftOut: leftOut ? context?.name : undefined,
    address: first('address') ?? { value: [DEFAULT_ADDRESS], from: DEFAULT },
    tls: first('tls'),
    token: first('token'),
    output: first('output') ?? { value: 'table', from: DEFAULT },
  };
}

/** The token and the authorities of one cluster are none of another's. */
function isElsewhere(given: Layer['address'], { says }: NamedContext): boolean {
  const own = says.address?.value ?? [DEFAULT_ADDRESS];
  return given !== undefined && !given.value.every((address) => own.includes(address));
}

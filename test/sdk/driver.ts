/** One SDK, as the list of conformance drives it: in this process, or as a program that takes a line of JSON a command. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { JsonObject } from '@bufbuild/protobuf';
import { serviceOf, textOf } from './method-names.ts';

export interface CallOptions {
  readonly timeoutMs?: number;
  readonly cancelAfterMs?: number;
}

/** How an SDK shows what came of a call. */
export type Outcome =
  | { readonly answer: JsonObject }
  /** A controller's own error: `reason`, `resource`, `fieldViolations`. */
  | { readonly refused: JsonObject }
  /** No controller's answer: `DEADLINE_EXCEEDED`, `CANCELLED`, `UNREACHABLE`. */
  | { readonly failed: string };

export interface ConnectOptions {
  readonly addresses: readonly string[];
  readonly timeoutMs: number;
  /** TLS, which trusts this authority, or without one those of the system. Default: none. */
  readonly tls?: boolean;
  readonly ca?: string;
  /** What the client shows of itself, with its key. */
  readonly cert?: string;
  readonly key?: string;
  /** Default: none. */
  readonly token?: string;
}

/** What a watch tells: the name of a resource that is there, or was deleted. */
export type Told = { readonly changed: string } | { readonly deleted: string };

export interface SdkClient {
  readonly call: (method: string, request: JsonObject, options?: CallOptions) => Promise<Outcome>;
  /** Names of all items, by the SDK's paging. */
  readonly list: (method: string, request: JsonObject, items: string) => Promise<readonly string[]>;
  /** Tells the name of each event. What it gives ends it, and waits until it has. */
  readonly follow: (about: string, after: bigint, onEvent: (name: string) => void) => Promise<() => Promise<void>>;
  /** A watch of resources, such as WatchPolicies, by the SDK's own following. What it gives ends it, and waits until it has. */
  readonly watch: (method: string, onTold: (told: Told) => void) => Promise<() => Promise<void>>;
  /** What a program inside a policy with this environment is told: `context` and `verdict`, or `outside`. */
  readonly fence: (env: JsonObject) => Promise<JsonObject>;
  readonly close: () => Promise<void>;
}

export interface SdkDriver {
  readonly connect: (options: ConnectOptions) => Promise<SdkClient>;
  readonly stop: () => Promise<void>;
}

/** A program that speaks the protocol of sdk/conformance/README.md. */
export class ProgramDriver implements SdkDriver {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: JsonObject) => void>();
  #nextId = 1;
  #trouble = '';

  constructor(file: string, args: readonly string[]) {
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr?.on('data', (bytes: Buffer) => {
      this.#trouble += bytes.toString();
    });
    this.#child.on('error', (error) => {
      this.#trouble += String(error);
    });
    this.#child.stdin?.on('error', () => undefined);
    if (this.#child.stdout !== null) createInterface(this.#child.stdout).on('line', (line) => this.#take(line));
    this.#child.on('close', () => {
      for (const [id, wake] of this.#waiting) wake({ id, died: this.#trouble });
    });
  }

  #take(line: string): void {
    const answer: JsonObject = JSON.parse(line);
    this.#waiting.get(Number(answer['id']))?.(answer);
  }

  #send(command: JsonObject, onAnswer: (answer: JsonObject) => void): number {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#waiting.set(id, onAnswer);
    this.#child.stdin?.write(`${JSON.stringify({ id, ...command })}\n`);
    return id;
  }

  async #ask(command: JsonObject): Promise<JsonObject> {
    const { promise, resolve } = Promise.withResolvers<JsonObject>();
    const id = this.#send(command, resolve);
    const { id: _id, ...answer } = await promise;
    this.#waiting.delete(id);
    if ('died' in answer) throw new Error(`the program ended: ${textOf(answer['died'])}`);
    return answer;
  }

  async connect({ addresses, tls = false, ...rest }: ConnectOptions): Promise<SdkClient> {
    const { client } = await this.#ask({ do: 'connect', addresses: [...addresses], tls, ...rest });
    const here = { client: Number(client) };
    return {
      call: async (method, request, options = {}) => {
        const command = { do: 'call', ...here, service: serviceOf(method), method, request, ...options };
        return (await this.#ask(command)) as unknown as Outcome;
      },
      list: async (method, request, items) => {
        const answer = await this.#ask({ do: 'list', ...here, service: serviceOf(method), method, request, items });
        if (!Array.isArray(answer['names'])) throw new Error(JSON.stringify(answer));
        return answer['names'].map(textOf);
      },
      follow: (about, after, onEvent) => {
        const command = { do: 'follow', ...here, about, after: String(after) };
        return this.#stream(here, command, ({ event }) => onEvent(textOf(event)));
      },
      watch: (method, onTold) => {
        const command = { do: 'watch', ...here, service: serviceOf(method), method };
        return this.#stream(here, command, ({ changed, deleted }) => {
          onTold(deleted === undefined ? { changed: textOf(changed) } : { deleted: textOf(deleted) });
        });
      },
      fence: (env) => this.#ask({ do: 'fence', ...here, env }),
      close: async () => void (await this.#ask({ do: 'close', ...here })),
    };
  }

  /** Answers come one after the other, until one says that it has ended. */
  async #stream(
    here: { readonly client: number },
    command: JsonObject,
    onAnswer: (answer: JsonObject) => void,
  ): Promise<() => Promise<void>> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => undefined);
    this.#send(command, (answer) => {
      if (answer['ended'] === true) resolve();
      else if ('failed' in answer || 'refused' in answer || 'died' in answer) reject(new Error(JSON.stringify(answer)));
      else onAnswer(answer);
    });
    return async () => {
      this.#send({ do: 'end', ...here }, () => undefined);
      await promise;
    };
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }
}

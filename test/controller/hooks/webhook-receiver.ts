/** A receiver of webhooks on loopback that checks each signature as a receiver of Standard Webhooks does. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

export interface Received {
  readonly id: string;
  readonly path: string;
  readonly type: string;
  /** Parsed body. */
  readonly event: {
    readonly id: string;
    readonly type: string;
    readonly severity: string;
    readonly subject?: string;
    readonly sequence: string;
    readonly data: { readonly name?: string; readonly type: string; readonly message: string };
  };
  readonly isSigned: boolean;
}

export type Answer = (received: Received, response: ServerResponse) => void;

const accept: Answer = (_received, response) => void response.writeHead(204).end();

/** A file with secrets that only this user can read, and the keys in it. */
export function writeSecrets(file: string, count = 1): readonly Buffer[] {
  const keys = Array.from({ length: count }, (_, n) => Buffer.alloc(32, n + 1));
  writeFileSync(file, keys.map((key) => `whsec_${key.toString('base64')}\n`).join(''));
  chmodSync(file, 0o600);
  return keys;
}

export class WebhookReceiver {
  /** Everything that came, refused or not. */
  readonly requests: Received[] = [];
  /** Ids that were answered with 2xx, in order. */
  readonly taken: Received[] = [];
  answer: Answer = accept;
  readonly #keys: readonly Buffer[];
  #server: Server | undefined;

  constructor(keys: readonly Buffer[]) {
    this.#keys = keys;
  }

  /** Resolves with the port. */
  async listen(port = 0): Promise<number> {
    const server = createServer((request, response) => void this.#receive(request, response));
    this.#server = server;
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('it has no port');
    return address.port;
  }

  async close(): Promise<void> {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  get numbers(): readonly number[] {
    return this.taken.map(({ event }) => Number(event.sequence));
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const id = String(request.headers['webhook-id']);
    const received = {
      ...{ id, path: request.url ?? '', type: String(request.headers['content-type']), event: JSON.parse(body) },
      isSigned: this.#isSigned(id, request, body),
    };
    this.requests.push(received);
    response.once('finish', () => {
      if (response.statusCode < 300) this.taken.push(received);
    });
    this.answer(received, response);
  }

  #isSigned(id: string, { headers }: IncomingMessage, body: string): boolean {
    const timestamp = String(headers['webhook-timestamp']);
    const signatures = String(headers['webhook-signature']).split(' ');
    return this.#keys.every((key) => {
      const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
      return signatures.some(
        (one) => one.length === mac.length + 3 && timingSafeEqual(Buffer.from(one), Buffer.from(`v1,${mac}`)),
      );
    });
  }
}

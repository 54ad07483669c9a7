/** Tells an address of an event: one POST, signed, without following where it is sent on to. */
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { messageOf } from '../../shared/caught-error.ts';
import { cut, printable, printableLines } from '../../shared/printable.ts';
import { allowedLookup } from './allowed-address.ts';
import { failed, type HookAnswer, SAID_BYTES, type WebhookTarget } from './hook.ts';
import { CLOUD_EVENT_JSON, type Notification } from './notification.ts';
import { readSecrets, signed } from './webhook-signature.ts';

/** It says that this request is wrong, and would be so again. */
const TURNED_AWAY: ReadonlySet<number> = new Set([400, 413, 415, 422]);
/** Nobody is left alone for longer because he asks. */
const LONGEST_REST_MS = 600_000;
/** More of an answer is not read. */
const ANSWER_BYTES = 64 * 1024;
const OUTCOME_CHARACTERS = 300;

export class WebhookSender {
  readonly #target: WebhookTarget;
  readonly #version: string;
  /** One connection, kept from event to event. */
  readonly #agent: HttpAgent | HttpsAgent;

  constructor(target: WebhookTarget, version: string) {
    this.#target = target;
    this.#version = version;
    const connections = { keepAlive: true, maxSockets: 1 };
    this.#agent = target.url.protocol === 'https:' ? new HttpsAgent(connections) : new HttpAgent(connections);
  }

  /** Never rejects, except with the reason of the signal. */
  async send(notification: Notification, wallMs: number, signal: AbortSignal): Promise<HookAnswer> {
    const { timeoutMs } = this.#target;
    const late = AbortSignal.timeout(timeoutMs);
    try {
      return await this.#post(notification, wallMs, AbortSignal.any([signal, late]));
    } catch (error) {
      signal.throwIfAborted();
      if (late.aborted) return failed(`did not answer within ${timeoutMs / 1000} s`);
      return failed(cut(printable(`could not be told: ${messageOf(error)}`), OUTCOME_CHARACTERS));
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #post({ id, body }: Notification, wallMs: number, signal: AbortSignal): Promise<HookAnswer> {
    const { url, secretFile, caFile, allowLoopback } = this.#target;
    const headers = {
      ...{ 'content-type': CLOUD_EVENT_JSON, 'content-length': Buffer.byteLength(body) },
      // Secrets are read each time, so that they are changed without a restart.
      ...{ 'user-agent': `locum/${this.#version}`, ...signed(id, wallMs, body, readSecrets(secretFile)) },
    };
    const ca = caFile === undefined ? {} : { ca: readFileSync(caFile) };
    const lookup = allowedLookup({ allowLoopback });
    const options = { method: 'POST', headers, signal, agent: this.#agent, lookup, ...ca };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, resolve);
      request.once('error', reject);
      request.end(body);
    });
    return answerOf(response, await textOf(response));
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).subarray(0, SAID_BYTES).toString();
}

function answerOf({ statusCode = 0, headers }: IncomingMessage, text: string): HookAnswer {
  const said = printableLines(text);
  const outcome = `answered ${statusCode}`;
  if (statusCode >= 200 && statusCode < 300) return { kind: 'TAKEN', outcome, said };
  if (TURNED_AWAY.has(statusCode)) return { kind: 'TURNED_AWAY', outcome, said };
  const isElsewhere = statusCode >= 300 && statusCode < 400;
  const why = isElsewhere ? `${outcome}: another address, which is not followed` : outcome;
  return { ...failed(why, said), retryAfterMs: restOf(headers['retry-after']) };
}

/** Only seconds: a date would depend on two clocks. */
function restOf(retryAfter: string | undefined): number | undefined {
  const seconds = /^\d{1,9}$/.test(retryAfter ?? '') ? Number(retryAfter) : undefined;
  return seconds === undefined ? undefined : Math.min(seconds * 1000, LONGEST_REST_MS);
}

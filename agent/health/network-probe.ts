/** Whether a port takes connections, and whether a page answers. Each within its time, and with nothing read that could be too much. */
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { connect } from 'node:net';
import { messageOf } from '../../shared/caught-error.ts';
import type { HealthProbe } from '../../shared/protocol/health-check.ts';
import type { CheckOutcome } from '../core/health.ts';

type Probe<K extends HealthProbe['kind']> = Extract<HealthProbe, { readonly kind: K }>;

export function probeTcp({ host, port }: Probe<'tcp'>, timeoutMs: number): Promise<CheckOutcome> {
  return withinTime(timeoutMs, `${host}:${port} took no connection`, (signal, answer) => {
    const socket = connect({ host, port });
    signal.addEventListener('abort', () => socket.destroy());
    socket.on('error', (error) => answer({ kind: 'FAILED', detail: messageOf(error) }));
    socket.on('connect', () => {
      socket.destroy();
      answer({ kind: 'SUCCEEDED' });
    });
  });
}

export function probeHttp({ host, port, path, tls }: Probe<'http'>, timeoutMs: number): Promise<CheckOutcome> {
  return withinTime(timeoutMs, `GET ${path} on port ${port} was not answered`, (signal, answer) => {
    // Whether it answers is asked, not who: a certificate for a name that only the outside knows would fail on the loopback.
    const request = (tls ? requestTls : requestPlain)({
      ...{ host, port, path, signal, agent: false, rejectUnauthorized: false },
      headers: { 'user-agent': 'locum-health-check', accept: '*/*' },
    });
    request.on('error', (error) => answer({ kind: 'FAILED', detail: messageOf(error) }));
    request.on('response', (response) => {
      const { statusCode = 0 } = response;
      // Its body may have no end.
      request.destroy();
      if (statusCode >= 200 && statusCode < 400) answer({ kind: 'SUCCEEDED' });
      else answer({ kind: 'FAILED', detail: `GET ${path} on port ${port} was answered with status ${statusCode}` });
    });
    request.end();
  });
}

/** The first answer counts. What throws before it has begun, such as for a path that is none, has failed. */
function withinTime(
  timeoutMs: number,
  late: string,
  begin: (signal: AbortSignal, answer: (outcome: CheckOutcome) => void) => void,
): Promise<CheckOutcome> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const answer = (outcome: CheckOutcome): void => {
      clearTimeout(timer);
      resolve(outcome);
    };
    const timer = setTimeout(() => {
      answer({ kind: 'FAILED', detail: `${late} within ${timeoutMs} ms` });
      over.abort();
    }, timeoutMs);
    try {
      begin(over.signal, answer);
    } catch (error) {
      answer({ kind: 'FAILED', detail: messageOf(error) });
    }
  });
}

/** Etcd's own JSON over HTTP: one member is asked, and nobody else is tried. */

export const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** What is read of the answers here. Numbers of 64 bits come as text. */
interface Answer {
  readonly header?: { readonly revision?: string; readonly member_id?: string };
  /** Member id of whom this one takes for the leader. */
  readonly leader?: string;
  readonly alarms?: readonly { readonly memberID?: string; readonly alarm?: string }[];
}

/** Rejects when it refuses, or says nothing for `timeoutMs` (default: as long as it takes). */
export async function ask(
  endpoint: string,
  path: string,
  body: object,
  options: { readonly timeoutMs?: number } = {},
): Promise<Answer> {
  const signal = options.timeoutMs === undefined ? null : AbortSignal.timeout(options.timeoutMs);
  const response = await fetch(`http://${endpoint}/v3/${path}`, { method: 'POST', body: JSON.stringify(body), signal });
  if (!response.ok) throw new Error(`etcd at ${endpoint}, ${path}: ${await response.text()}`);
  const answer: Answer = await response.json();
  return answer;
}

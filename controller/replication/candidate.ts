/**
 * What a controller campaigns and joins as: who it is and where it is reached. Plain JSON, for people who look into etcd; readers
 * skip what they do not know, so that controllers of two versions understand each other during an upgrade.
 */

export interface Candidate {
  /** Unique among the controllers of a store. */
  readonly id: string;
  /** Where the API is reached, `host:port`. */
  readonly api: string;
  /** Where agents are taken, `host:port`. */
  readonly agent: string;
  /** Version of the program. */
  readonly version: string;
  /** Public key that it signs with for whom it passes calls on. Default: it passes on no calls that are believed. */
  readonly key?: string;
  /** Hash of the root that signed its certificate, `sha256:…`. Default: it speaks plaintext, or is older than this field. */
  readonly authority?: string | undefined;
}

/** The controller that leads, as it campaigned. */
export interface KnownLeader extends Candidate {
  readonly term: number;
}

export function encodeCandidate({ id, api, agent, version, key, authority }: Candidate): string {
  return JSON.stringify({ id, api, agent, version, key, authority });
}

/** What another one wrote. A text that is no candidate becomes one that can't be reached. */
export function decodeCandidate(text: string): Candidate {
  const fields = fieldsOf(text);
  const field = (name: string): string => {
    const value = fields.get(name);
    return typeof value === 'string' ? value : '';
  };
  const where = { api: field('api'), agent: field('agent') };
  const [key, authority] = [field('key'), field('authority')];
  const more = { ...(key === '' ? {} : { key }), ...(authority === '' ? {} : { authority }) };
  return { id: field('id') || 'unknown', ...where, version: field('version'), ...more };
}

function fieldsOf(text: string): ReadonlyMap<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);
  } catch {
    return new Map();
  }
}

/** Secrets as they may be seen. */

/** Of a token of Locum its id, by which `locum auth` knows it; of any other nothing. */
export function maskedToken(token: string): string {
  const id = /^locum_[a-z0-9]{1,32}_/.exec(token)?.[0] ?? '';
  return `${id}********`;
}

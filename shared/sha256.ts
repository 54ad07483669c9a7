/**
 * SHA-256 of a text, as hexadecimal digits. Pure, for the cores, which import nothing of Node; a test holds it to that of node:crypto.
 * Source: FIPS 180-4, sections 4.1.2, 4.2.2, 5.1.1 and 6.2.
 */

/** First 32 bits of the fractional parts of `root` of the first primes (FIPS 180-4, 4.2.2 and 5.3.3). */
function fractions(count: number, root: (prime: number) => number): Uint32Array {
  const words: number[] = [];
  for (let candidate = 2; words.length < count; candidate += 1) {
    if (isPrime(candidate)) words.push(Math.floor((root(candidate) % 1) * 2 ** 32));
  }
  return Uint32Array.from(words);
}

function isPrime(candidate: number): boolean {
  for (let divisor = 2; divisor * divisor <= candidate; divisor += 1) if (candidate % divisor === 0) return false;
  return true;
}

const BLOCK_BYTES = 64;
const ROUNDS = 64;
const ROUND_WORDS = fractions(ROUNDS, Math.cbrt);
const FIRST_STATE = fractions(8, Math.sqrt);

const rotated = (word: number, by: number): number => (word >>> by) | (word << (32 - by));

/** Of the UTF-8 bytes of the text. */
export function sha256(text: string): string {
  const bytes = padded(new TextEncoder().encode(text));
  const view = new DataView(bytes.buffer);
  const state = FIRST_STATE.slice();
  const schedule = new Uint32Array(ROUNDS);
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) takeBlock(state, schedule, view, at);
  return Array.from(state, (word) => word.toString(16).padStart(8, '0')).join('');
}

/** The message, a one, zeros, and its length in bits as the last 64 of a whole number of blocks. */
function padded(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const blocks = Math.ceil((message.length + 9) / BLOCK_BYTES);
  const bytes = new Uint8Array(blocks * BLOCK_BYTES);
  bytes.set(message);
  bytes[message.length] = 0x80;
  new DataView(bytes.buffer).setBigUint64(bytes.length - 8, BigInt(message.length) * 8n);
  return bytes;
}

/** Words of typed arrays whose indexes are in range by construction. */
const word = (words: Uint32Array, index: number): number => words[index] ?? 0;

function takeBlock(state: Uint32Array, schedule: Uint32Array, view: DataView, at: number): void {
  for (let i = 0; i < 16; i += 1) schedule[i] = view.getUint32(at + 4 * i);
  for (let i = 16; i < ROUNDS; i += 1) {
    const [early, late] = [word(schedule, i - 15), word(schedule, i - 2)];
    const small0 = rotated(early, 7) ^ rotated(early, 18) ^ (early >>> 3);
    const small1 = rotated(late, 17) ^ rotated(late, 19) ^ (late >>> 10);
    schedule[i] = word(schedule, i - 16) + small0 + word(schedule, i - 7) + small1;
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let i = 0; i < ROUNDS; i += 1) {
    const big1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25);
    const choice = (e & f) ^ (~e & g);
    const one = (h + big1 + choice + word(ROUND_WORDS, i) + word(schedule, i)) | 0;
    const big0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + big0 + majority) | 0];
  }
  for (const [i, value] of [a, b, c, d, e, f, g, h].entries()) state[i] = word(state, i) + value;
}

/**
 * A key and the request for its certificate, made with Node alone. For agents, which are kept small: the library that reads certificates
 * and signs them takes more memory than all that an agent remembers. What is written is RFC 2986 with nothing in it but the key, since
 * nothing that a request says of itself counts.
 */
import { generateKeyPair, sign } from 'node:crypto';
import { promisify } from 'node:util';

export interface PlainRequest {
  /** PKCS#10, DER. */
  readonly request: Buffer;
  /** PKCS#8, PEM; a secret. */
  readonly keyPem: string;
}

const SEQUENCE = 0x30;
const BIT_STRING = 0x03;
/** INTEGER 0: the version. */
const VERSION = Buffer.from([0x02, 0x01, 0x00]);
/** A SEQUENCE of nothing: the subject. */
const NOBODY = Buffer.from([SEQUENCE, 0x00]);
/** [0], a SET of nothing: the attributes. */
const NO_ATTRIBUTES = Buffer.from([0xa0, 0x00]);
/** ecdsa-with-SHA256, 1.2.840.10045.4.3.2. */
const ALGORITHM = Buffer.from([0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]);

export async function makePlainRequest(): Promise<PlainRequest> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const info = der(SEQUENCE, VERSION, NOBODY, spki, NO_ATTRIBUTES);
  const signature = der(BIT_STRING, Buffer.from([0]), sign('sha256', info, privateKey));
  return {
    request: der(SEQUENCE, info, der(SEQUENCE, ALGORITHM), signature),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** Of less than 64 KiB. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

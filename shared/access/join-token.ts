/** The text of a join token: its id, a dot, its secret. Pure. */

/** Easy to read out and to select with a double click; 5 bits a letter. */
const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567';
const ID_LETTERS = 10;
/** 160 bits. */
const SECRET_LETTERS = 32;

export const JOIN_TOKEN_BYTES = ID_LETTERS + SECRET_LETTERS;

export interface JoinTokenText {
  readonly id: string;
  readonly secret: string;
}

/** Made of `JOIN_TOKEN_BYTES` random bytes. */
export function joinTokenFrom(bytes: Uint8Array): JoinTokenText {
  const text = Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join('');
  return { id: text.slice(0, ID_LETTERS), secret: text.slice(ID_LETTERS, JOIN_TOKEN_BYTES) };
}

export const joinTokenText = ({ id, secret }: JoinTokenText): string => `${id}.${secret}`;

const FORM = new RegExp(`^([${LETTERS}]{${ID_LETTERS}})\\.([${LETTERS}]{${SECRET_LETTERS}})$`);

/** Undefined: it is none. */
export function parseJoinToken(text: string): JoinTokenText | undefined {
  const [, id, secret] = FORM.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

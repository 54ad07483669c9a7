/** Largest message between agent and keeper, in both directions: the whole table is one message. */
export const KEEPER_MESSAGE_LIMIT_BYTES = 32 * 1024 * 1024;

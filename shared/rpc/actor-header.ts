/** Who asks, in words, for the event log: anyone who reaches the API is an operator. */
export const ACTOR_HEADER = 'x-locum-actor';

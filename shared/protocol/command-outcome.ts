/** What became of a command. EXPIRED: it came too late. STALE: it is of something that is over. */
export type CommandOutcome = 'APPLIED' | 'ALREADY_APPLIED' | 'REFUSED' | 'EXPIRED' | 'STALE';

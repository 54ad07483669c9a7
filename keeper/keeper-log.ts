/** Where the keeper says what happened; a pino logger is one. */
export interface KeeperLog {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

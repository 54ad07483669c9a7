/** `locum keeper`: started by the agent, in a session of its own. */
import type { Command } from 'commander';

export interface KeeperOptions {
  readonly stateDir: string;
}

export function define(keeper: Command): void {
  keeper
    .requiredOption('--state-dir <folder>', "the agent's state directory")
    .action(async ({ stateDir }: KeeperOptions) => {
      const { runKeeper } = await import('../agent/keeper/main.ts');
      const { locumVersion } = await import('./version.ts');
      process.exitCode = await runKeeper({ stateDir, version: locumVersion() });
    });
}

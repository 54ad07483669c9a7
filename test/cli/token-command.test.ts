import { describe, expect, it } from 'vitest';
import { outputOf } from '../../cli/client/token-command.ts';

const run = (command: string, timeoutMs?: number) =>
  outputOf({ command, from: 'context lab', ...(timeoutMs === undefined ? {} : { timeoutMs }) });

describe('a command that prints a token', () => {
  it('is one for the shell', async () => {
    expect(await run('echo a | tr a b; printf c')).toBe('b\nc');
  });

  it.each([
    ['exit 7', 'ended with exit code 7'],
    ['kill -9 $$', 'was ended by SIGKILL'],
    ['no-such-command-here 2>/dev/null', 'ended with exit code 127'],
    ['yes 2>/dev/null; true', 'printed more than 65536 bytes'],
  ])('prints none as %j', async (command, why) => {
    await expect(run(command)).rejects.toThrow(
      `token_command of context lab ${why}: nothing was sent\nIt is: ${command}`,
    );
  });

  it('has its time, and so has what it starts', async () => {
    await expect(run('sleep 5; true', 100)).rejects.toThrow('did not end within 0.1 s');
  });
});

import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { wordsNext } from '../../cli/complete-words.ts';
import { parseAddresses } from '../../cli/context/addresses.ts';
import { globalsOf } from '../../cli/globals.ts';
import { nouns } from '../../cli/nouns.ts';
import { buildProgram } from '../../cli/program.ts';

const everyWord = nouns.map(({ name }) => name);

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

const next = async (words: readonly string[]) => wordsNext(await buildProgram(words), words);

describe('the command line', () => {
  it('describes each command and each option', async () => {
    const commands = everyCommand(await buildProgram(everyWord));
    expect(commands.length).toBeGreaterThan(50);
    const nameless = commands.filter((command) => command.description() === '').map((command) => command.name());
    expect(nameless).toEqual([]);
    const options = commands.flatMap((command) => command.options);
    expect(options.filter(({ description }) => description === '').map(({ flags }) => flags)).toEqual([]);
  });

  it('takes several words where it says so: "…" is for people, "..." for the parser', async () => {
    const commands = everyCommand(await buildProgram(everyWord));
    const names = commands.flatMap(({ registeredArguments }) => registeredArguments.map((one) => one.name()));
    expect(names.length).toBeGreaterThan(30);
    expect(names.filter((name) => name.endsWith('…') && !name.endsWith(',…'))).toEqual([]);
  });

  it('lets people choose columns and order of each list', async () => {
    const lists = everyCommand(await buildProgram(everyWord)).filter((command) => command.name() === 'list');
    expect(lists.length).toBeGreaterThan(8);
    const flags = (command: Command) => command.options.map(({ long }) => long);
    const without = lists.filter(
      (command) => !flags(command).includes('--columns') || !flags(command).includes('--sort'),
    );
    expect(without.map((command) => command.parent?.name())).toEqual([]);
  });

  it('takes the options of all commands before and after the noun', async () => {
    for (const words of [
      ['-o', 'json', 'server', 'list'],
      ['server', 'list', '-o', 'json'],
    ]) {
      const program = await buildProgram(words);
      const list = program.commands
        .find((one) => one.name() === 'server')
        ?.commands.find((one) => one.name() === 'list');
      let output: string | undefined;
      list?.action((_options: object, command: Command) => {
        output = globalsOf(command).output;
      });
      await program.parseAsync(words, { from: 'user' });
      expect(output).toBe('json');
    }
  });

  it('suggests the command that was meant', async () => {
    let told = '';
    const words = ['server', 'lsit'];
    const program = await buildProgram(words);
    for (const command of everyCommand(program)) command.configureOutput({ writeErr: (text) => (told += text) });
    await expect(program.parseAsync(words, { from: 'user' })).rejects.toMatchObject({ exitCode: 1 });
    expect(told).toContain('Did you mean list?');
  });

  it('reads lists of addresses, and names a wrong one', () => {
    expect(parseAddresses('a:1, [::1]:7400,b.example:65535')).toEqual(['a:1', '[::1]:7400', 'b.example:65535']);
    for (const bad of ['a', 'a:', ':1', 'a:65536', 'http://a:1', ''])
      expect(() => parseAddresses(bad), bad).toThrow(/host:port/);
  });
});

describe('completion', () => {
  it('offers nouns, then verbs, then options', async () => {
    expect(await next([''])).toEqual(expect.arrayContaining(['server', 'policy', 'run', 'status']));
    expect(await next([''])).not.toContain('keeper');
    expect(await next(['server', ''])).toEqual(expect.arrayContaining(['list', 'make-primary', 'drain']));
    expect(await next(['server', 'promote', '--'])).toEqual(
      expect.arrayContaining(['--apply', '--dry-run', '--output']),
    );
  });

  it('offers the values of an option', async () => {
    expect(await next(['server', 'promote', '--apply', ''])).toEqual(['new-only', 'move-now']);
    expect(await next(['server', 'list', '-o', ''])).toContain('json');
  });
});

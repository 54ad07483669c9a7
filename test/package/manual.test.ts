/** The manual pages, as packages have them; that `man` takes them is a test of the archive. */
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { nouns } from '../../cli/nouns.ts';
import { buildProgram } from '../../cli/program.ts';
import { escapeRoff, manualPages } from '../../scripts/package/manual.ts';

describe('the manual pages', () => {
  it('have every verb, and every option with what it is for', async () => {
    const pages = await manualPages();
    const shown = nouns.filter(({ group }) => group !== undefined).map(({ name }) => name);
    expect([...pages.keys()].sort()).toEqual(['locum.1', ...shown.map((name) => `locum-${name}.1`)].sort());
    const program = await buildProgram(shown);
    const missing: string[] = [];
    const look = (page: string, command: Command): void => {
      const help = command.createHelp();
      for (const child of help.visibleCommands(command).filter((one) => one.name() !== 'help')) {
        const [, part] = page.split(`.SS "${escapeRoff(help.commandUsage(child))}"\n`);
        if (part?.startsWith(escapeRoff(child.description())) !== true || child.description() === '')
          missing.push(help.commandUsage(child));
        look(page, child);
      }
      for (const option of help.visibleOptions(command).filter(({ long }) => long !== '--help')) {
        if (!page.includes(escapeRoff(help.optionTerm(option)))) missing.push(`${command.name()} ${option.flags}`);
      }
    };
    for (const command of program.commands.filter((one) => shown.includes(one.name())))
      look(pages.get(`locum-${command.name()}.1`) ?? '', command);
    expect(missing).toEqual([]);
    expect(pages.get('locum-debug.1')).toContain('locum debug bundle');
    expect(pages.get('locum-top.1')).toContain(escapeRoff('--once'));
  });
});

/** The units of deploy/systemd: what they promise for the order of a shutdown and for sick hosts, and that systemd takes them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keeperOptions } from '../../cli/keeper-start.ts';
import { buildProgram } from '../../cli/program.ts';

const folder = join(import.meta.dirname, '../../deploy/systemd');
const names = readdirSync(folder).filter((name) => name.endsWith('.service'));
const text = (name: string): string => readFileSync(join(folder, name), 'utf8');

/** All values of a setting, in order. */
function settings(name: string, key: string): readonly string[] {
  return text(name)
    .split('\n')
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1));
}

const words = (name: string): readonly string[] => (settings(name, 'ExecStart')[0] ?? '').split(' ');
const command = (name: string): readonly string[] =>
  words(name).slice(words(name).indexOf('/opt/locum/bin/locum.js') + 1);

describe('the units', () => {
  it('are one for each program', () => {
    expect(names.sort()).toEqual(['locum-agent.service', 'locum-controller.service', 'locum-keeper.service']);
  });

  it.each(names)('%s is restarted within a second, for ever, and protected from the host’s need', (name) => {
    expect(settings(name, 'Restart')).toEqual(['always']);
    expect(settings(name, 'RestartSec')).toEqual(['1']);
    expect(settings(name, 'StartLimitIntervalSec')).toEqual(['0']);
    expect(settings(name, 'OOMScoreAdjust')).toEqual(['-900']);
    expect(settings(name, 'LimitNOFILE')).toEqual(['65536']);
  });

  it('say when they serve and that they turn, the keeper in its own name alone, since policies run below it', () => {
    for (const name of names) {
      expect(settings(name, 'Type')).toEqual(['notify']);
      // What a loop that hangs costs is over long before; and a core dump would be written to a disk that may be what hangs.
      expect(settings(name, 'WatchdogSec')).toEqual(['180']);
      expect(settings(name, 'WatchdogSignal')).toEqual(['SIGKILL']);
      expect(settings(name, 'NotifyAccess')).toEqual([name === 'locum-keeper.service' ? 'main' : 'all']);
    }
  });

  it('stop the keeper first at a shutdown, and alone, while the agent can say Goodbye', () => {
    expect(settings('locum-keeper.service', 'After')[0]?.split(' ')).toContain('locum-agent.service');
    expect(settings('locum-agent.service', 'After')[0]?.split(' ')).not.toContain('locum-keeper.service');
    expect(settings('locum-keeper.service', 'KillMode')).toEqual(['mixed']);
    expect(settings('locum-agent.service', 'KillMode')).toEqual(['process']);
    // A restart of one must not be one of the other.
    for (const key of ['Requires', 'BindsTo', 'PartOf'])
      for (const name of names) expect(settings(name, key)).toEqual([]);
    // Nor does a start of one undo the stop of another.
    for (const name of names) expect(settings(name, 'Wants').join(' ')).not.toContain('locum');
  });

  it('give agent and keeper the same state directory, and only one of them starts keepers', () => {
    expect(settings('locum-agent.service', 'StateDirectory')).toEqual(
      settings('locum-keeper.service', 'StateDirectory'),
    );
    expect(command('locum-agent.service')).toContain('--external-keeper');
  });

  it('run commands that there are', async () => {
    for (const name of names) {
      const [noun = '', ...flags] = command(name);
      const program = await buildProgram([noun]);
      const known = program.commands.find((one) => one.name() === noun)?.options.map(({ long }) => long);
      for (const flag of flags.filter((word) => word.startsWith('--'))) expect(known).toContain(flag);
    }
    expect(keeperOptions(command('locum-keeper.service').slice(1))).toEqual({
      stateDir: '/var/lib/locum-agent',
      stay: true,
    });
  });

  it('are taken by systemd without a complaint', (ctx) => {
    const verify = (files: readonly string[]): string => {
      try {
        return execFileSync('systemd-analyze', ['verify', '--man=no', ...files], { encoding: 'utf8', stdio: 'pipe' });
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
          return ctx.skip('this machine has no systemd-analyze');
        return error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
      }
    };
    const copies = mkdtempSync(join(tmpdir(), 'locum-units-'));
    try {
      // The program of the text is not installed here; any other will do.
      for (const name of names)
        writeFileSync(
          join(copies, name),
          text(name).replace('/opt/locum/node_modules/node/bin/node', process.execPath),
        );
      expect(verify(names.map((name) => join(copies, name)))).toBe('');
    } finally {
      rmSync(copies, { recursive: true });
    }
  }, 60_000);
});

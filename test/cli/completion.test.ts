import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOCUM, runLocum } from '../e2e/locum-command.ts';
import { findProgram } from '../rpc/foreign-client.ts';

const TEST_TIMEOUT_MS = 60_000;
const NOWHERE = '127.0.0.1:1';

/** Prints the nodes that its grammar can't read. */
const GRAMMAR = `
import sys, tree_sitter, tree_sitter_powershell
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
def wrong(node):
    if node.is_error or node.is_missing: print(node.start_point, node.type)
    for child in node.children: wrong(child)
wrong(parser.parse(sys.stdin.buffer.read()).root_node)
`;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'locum-completion-'));
  const launcher = join(folder, 'locum');
  writeFileSync(launcher, `#!/bin/sh\nexec "${process.execPath}" "${LOCUM}" "$@"\n`, { mode: 0o755 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function scriptFor(shell: string): Promise<string> {
  const { code, stdout, stderr } = await runLocum(NOWHERE, ['completion', shell]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** A line of a shell that has `locum` in its path, and its completion. */
function inShell(program: string, args: readonly string[]): string {
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}`, LOCUM_ADDRESS: NOWHERE };
  const { stdout, stderr } = spawnSync(program, args, { env, encoding: 'utf8', timeout: TEST_TIMEOUT_MS });
  expect(stderr).toBe('');
  return stdout;
}

describe('completion of a shell', () => {
  it('bash offers what begins like the word, and all verbs for a new one', { timeout: TEST_TIMEOUT_MS }, async () => {
    const script = await scriptFor('bash');
    const ask = (words: string, at: number) =>
      inShell('bash', [
        '--norc',
        '-c',
        `${script}\nCOMP_WORDS=(${words}); COMP_CWORD=${at}; _locum; echo "\${COMPREPLY[@]}"`,
      ]);
    expect(ask('locum comp', 1)).toBe('completion\n');
    expect(ask("locum server ''", 2)).toMatch(/\blist\b.*\bdrain\b/);
  });

  it('PowerShell asks for the same words, and says by a flag that a new one begins', {
    timeout: TEST_TIMEOUT_MS,
  }, async () => {
    const script = await scriptFor('powershell');
    expect(script).toContain('Register-ArgumentCompleter -Native -CommandName locum');
    expect(script).toContain('& locum complete-words @flags');
    const [flag, empty] = await Promise.all([
      runLocum(NOWHERE, ['complete-words', '--new-word', '--', 'server']),
      runLocum(NOWHERE, ['complete-words', '--', 'server', '']),
    ]);
    expect(flag.stdout).toMatch(/^list$/m);
    expect(flag).toEqual(empty);
    const options = await runLocum(NOWHERE, ['complete-words', '--', 'server', 'list', '--co']);
    expect(options.stdout).toMatch(/^--columns$/m);
  });

  it('PowerShell runs its script', { timeout: TEST_TIMEOUT_MS }, async (ctx) => {
    const pwsh = findProgram('pwsh');
    if (pwsh === undefined) return ctx.skip('PowerShell (pwsh) is not installed');
    const script = await scriptFor('powershell');
    const ask = (line: string) =>
      `(TabExpansion2 '${line}' ${line.length}).CompletionMatches | ForEach-Object { $_.CompletionText }`;
    const shown = (line: string) => inShell(pwsh, ['-NoProfile', '-Command', `${script}\n${ask(line)}`]).split('\n');
    expect(shown('locum comp')).toEqual(['completion', '']);
    expect(shown('locum server ')).toContain('drain');
  });

  it('PowerShell can read its script, by a grammar of others', { timeout: TEST_TIMEOUT_MS }, async (ctx) => {
    const has = spawnSync('python3', ['-c', 'import tree_sitter, tree_sitter_powershell']).status === 0;
    if (!has) ctx.skip('tree-sitter-powershell is not installed for python3');
    const script = await scriptFor('powershell');
    const wrongIn = (text: string) =>
      spawnSync('python3', ['-c', GRAMMAR], { input: text, encoding: 'utf8' }).stdout.split('\n').filter(Boolean);
    expect(wrongIn(script)).toEqual([]);
    expect(wrongIn(script.replace('$flags = @(', '$flags = @(('))).not.toEqual([]);
  });
});

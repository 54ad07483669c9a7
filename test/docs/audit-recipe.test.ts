import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { present } from '../../shared/assert.ts';
import { auditLine } from '../../shared/codec/audit.ts';
import { chainOf } from '../controller/audit/entries.ts';
import { findProgram } from '../rpc/foreign-client.ts';
import { blocks } from './shell-blocks.ts';

describe('the recipe of docs/audit.md', () => {
  it('computes our hashes in Python, and finds a change', (ctx) => {
    const python = findProgram('python3') ?? ctx.skip('there is no python3 on PATH');
    const recipe = present(blocks('docs/audit.md', 'python')[0], 'the recipe').text;
    const odd = chainOf(2, 'ACCESS', 'operator:Jörg "x" \\ 🦊 \u007f/');
    const lines = [...chainOf(20), ...odd].map((entry) => `${auditLine(entry)}\n`);
    const run = (input: string) => spawnSync(python, ['-c', recipe], { input, encoding: 'utf8' });
    const right = run(lines.join(''));
    expect({ status: right.status, stderr: right.stderr }).toEqual({ status: 0, stderr: '' });
    const wrong = run(lines.join('').replace('pools/p7', 'pools/p8'));
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toContain('AssertionError: audit/changes/7');
  });
});

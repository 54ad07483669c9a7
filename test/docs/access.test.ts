import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { methodTable, permissionTable } from '../../scripts/access-tables.ts';

const page = readFileSync('docs/access.md', 'utf8');

describe('docs/access.md', () => {
  it('lists each permission and who has it', () => {
    expect(page).toContain(permissionTable().join('\n'));
  });

  it('lists what each method needs', () => {
    expect(page).toContain(methodTable().join('\n'));
  });
});

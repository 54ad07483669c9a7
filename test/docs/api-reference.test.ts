/** docs/reference/api.md. That it is what the protos give is a step of `npm run check`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { API_SERVICES } from '../../controller/api/api-services.ts';
import { ruleOf } from '../../shared/access/method-access.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/reference/api.md'), 'utf8');
const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);

describe('the reference of the API', () => {
  it('has a heading of its own for each link', () => {
    const anchors = headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = '']) => anchor);
    expect(links.length).toBeGreaterThan(200);
    expect(links.filter((link) => anchors.filter((anchor) => anchor === link).length !== 1)).toEqual([]);
  });

  it('has every method that the controller serves, with what a caller needs', () => {
    const own = API_SERVICES.flatMap(({ methods }) => methods);
    expect(own.filter(({ name }) => !headings.includes(name))).toEqual([]);
    for (const method of own) {
      const rule = ruleOf(method);
      const part = page.split(`\n### ${method.name}\n`)[1]?.split(/\n#+ /)[0];
      expect(part).toContain(rule?.kind === 'permission' ? `\nNeeds \`${rule.permission}\`` : '\nAny');
    }
  });

  it('says something of every element', () => {
    const rows = [...page.matchAll(/^\| `(\w+)` \| \d+ \|(?: [^|]+ \|)? ?(.*?) \|/gm)];
    expect(rows.length).toBeGreaterThan(500);
    expect(rows.filter(([, , says]) => !/\w/.test(says ?? '')).map(([row]) => row)).toEqual([]);
  });
});

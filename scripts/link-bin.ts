/**
 * Makes `npx locum` mean this checkout: npm links the programs of a project's dependencies and not its own, and npx would
 * install a copy into its cache instead.
 */
import { rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

const link = join(dirname(import.meta.dirname), 'node_modules/.bin/locum');
rmSync(link, { force: true });
symlinkSync('../../bin/locum.js', link);

/** An agent as a process of its own, for tests: `node agent-program.ts CONFIG_FILE`. */
import { parseArgs } from 'node:util';
import { loadAgentSettings } from '../../agent/config.ts';
import { runAgent } from '../../agent/main.ts';

const { positionals } = parseArgs({ allowPositionals: true });
const settings = loadAgentSettings({ file: positionals[0], flags: {}, env: process.env });
await runAgent({ settings, version: '0.0.0-test' });

import type { ConnectRouter } from '@connectrpc/connect';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { runCommandLine } from '../../cli/command-line.ts';
import { API_SERVICES } from '../../controller/api/api-services.ts';
import { Prng } from '../../shared/prng.ts';
import { ValueSource } from '../fuzz/values.ts';
import { testSeed } from '../seed.ts';
import { fakeApi } from './fake-api.ts';
import { printedIn, RAW } from './printed-output.ts';

/** All that print what a controller answers. */
const COMMANDS = [
  'status',
  'server list',
  'server list -o wide',
  'server show x',
  'policy list',
  'policy list -o wide',
  'policy show x',
  'policy show x -o yaml',
  'policy explain x',
  'policy start x',
  'run list',
  'run list -o wide',
  'run show x',
  'pool list',
  'pool show x',
  'events',
  'events -o json',
  'audit list',
  'controllers',
  'plan --server-lost x',
  'server list -o json',
  'run list -o yaml',
  'policy list -o name',
  'server drain x',
  'fence check x 1',
  'top --once',
  'server list --template {{name}}{{labels}}',
  'server capabilities',
  'server order',
  'server revoked',
  'token list',
  'hook list',
  'auth whoami',
  'auth role list',
  'auth token list',
  'auth user list',
];
const ROUNDS = 12;

describe('answers that are made to attack a terminal', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each(COMMANDS)('have nothing raw in what is printed: locum %s', async (command) => {
    const values = new ValueSource(new Prng(testSeed()), () => [
      'servers/\u001b]52;c;eA==\u0007',
      'runs/\u202e\u009b6n',
    ]);
    const api = await fakeApi((router) => answerAnything(router, values));
    const printed = await printedIn(async () => {
      try {
        for (let round = 0; round < ROUNDS; round += 1)
          await runCommandLine([...command.split(' '), '--address', api.address, '--timeout', '5s']);
      } finally {
        await api.close();
      }
    });
    expect(printed).not.toBe('');
    expect(RAW.exec(printed)).toBeNull();
  });
});

/** Every method answers any message of its kind; a stream of them ends after a few. */
function answerAnything(router: ConnectRouter, values: ValueSource): void {
  for (const service of API_SERVICES) {
    const methods = service.methods.map((method) => {
      const one = () => values.message(method.output);
      const many = async function* () {
        for (let i = 0; i < 3; i += 1) yield one();
      };
      return [method.localName, method.methodKind === 'unary' ? one : many];
    });
    router.service(service, Object.fromEntries(methods) as never);
  }
}

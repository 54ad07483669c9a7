import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code, ConnectError } from '@connectrpc/connect';
import { afterEach, beforeEach } from 'vitest';
import { ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { runCaptured } from '../e2e/captured-command.ts';
import { type FakeApi, fakeApi } from './fake-api.ts';

/** The home folder of somebody who types commands, and a controller with one server: new ones for each test of the file that calls it. */
export function contextHome() {
  const here = {
    home: '',
    api: { address: '' } as FakeApi,
    /** What the controller was shown, one for each call. */
    shown: [] as (string | null)[],
    /** It knows nobody. */
    refuses: false,
    get file(): string {
      return join(this.home, 'locum', 'config.yaml');
    },
    text: (): string => readFileSync(here.file, 'utf8'),
    write(yaml: string): void {
      mkdirSync(join(here.home, 'locum'), { recursive: true });
      writeFileSync(here.file, yaml, { mode: 0o600 });
    },
    locum: (words: string | readonly string[], env: Readonly<Record<string, string>> = {}) =>
      runCaptured(undefined, typeof words === 'string' ? words.split(' ') : words, {
        XDG_CONFIG_HOME: here.home,
        ...env,
      }),
  };
  beforeEach(async () => {
    here.home = mkdtempSync(join(tmpdir(), 'locum-context-'));
    here.shown = [];
    here.refuses = false;
    here.api = await fakeApi((router) =>
      router.service(ServerService, {
        listServers: (_request, { requestHeader }) => {
          here.shown.push(requestHeader.get('authorization'));
          if (here.refuses) throw new ConnectError('who is it?', Code.Unauthenticated);
          return { servers: [{ name: 'servers/web-1' }] };
        },
      }),
    );
  });
  afterEach(async () => {
    await here.api.close();
    rmSync(here.home, { recursive: true });
  });
  return here;
}

/** An API listener with handlers of the test's choice, so that the command line is tested without a controller. */
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { ConnectRouter } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';

export interface FakeApi {
  readonly address: string;
  readonly close: () => Promise<void>;
}

/** `port` 0: any free one. */
export async function fakeApi(routes: (router: ConnectRouter) => void, port = 0): Promise<FakeApi> {
  const server: Http2Server = createServer(connectNodeAdapter({ routes }));
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  const listening = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    address: `127.0.0.1:${listening}`,
    close: async () => {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

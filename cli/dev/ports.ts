/** Ports of a local cluster. */
import { createServer } from 'node:net';
import { CommandFailure } from '../exit-codes.ts';

function listen(port: number): Promise<number> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once('error', reject);
  server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
    const address = server.address();
    server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
  });
  return promise;
}

/** A port that nobody has now; somebody may take it before it is used, so callers try again when that happens. */
export const freePort = (): Promise<number> => listen(0);

/** @throws CommandFailure when somebody listens there already. */
export async function checkPort(port: number, option: string): Promise<void> {
  try {
    await listen(port);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const why =
      code === 'EADDRINUSE' ? 'is in use' : code === 'EACCES' ? 'is not allowed for this user' : String(error);
    throw new CommandFailure(
      `port ${port} on 127.0.0.1 ${why}\nIs another controller or "locum dev" running? ${option} chooses another port.`,
    );
  }
}

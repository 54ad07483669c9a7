import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkPort, freePorts } from '../../cli/dev/ports.ts';

describe('ports of a local cluster', () => {
  it('are free, each another one, and none that the system gives away by itself', async () => {
    const ports = await freePorts(20);
    expect(new Set(ports).size).toBe(20);
    const given = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void given.close());
    await once(given, 'listening');
    const address = given.address();
    const givenPort = typeof address === 'object' && address !== null ? address.port : 0;
    for (const port of ports) {
      expect(port).toBeLessThan(givenPort);
      await checkPort(port, '--api-port');
    }
  });

  it('that somebody has are refused with the option that chooses another', async () => {
    const [port = 0] = await freePorts(1);
    const server = createServer().listen(port, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    await expect(checkPort(port, '--api-port')).rejects.toThrow(/is in use[\s\S]*--api-port chooses another/);
  });
});

import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkPort, freePorts, givenPorts, portsBeside } from '../../cli/dev/ports.ts';

describe('ports of a local cluster', () => {
  it('are free, each another one, and none that the system gives away by itself', async () => {
    const ports = await freePorts(20);
    expect(new Set(ports).size).toBe(20);
    const given = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void given.close());
    await once(given, 'listening');
    const address = given.address();
    const givenPort = typeof address === 'object' && address !== null ? address.port : 0;
    const { first, last } = givenPorts();
    expect([givenPort >= first, givenPort <= last]).toEqual([true, true]);
    for (const port of ports) {
      expect(port < first || port > last).toBe(true);
      await checkPort(port, '--api-port');
    }
  });

  it.each([
    ['the usual ones', { first: 32_768, last: 60_999 }, { first: 20_000, last: 32_767 }],
    ['nearly all but the highest', { first: 1_024, last: 60_999 }, { first: 61_000, last: 65_535 }],
    ['all from 16000 on', { first: 16_000, last: 65_535 }, { first: 1_024, last: 15_999 }],
    ['all', { first: 1_024, last: 65_535 }, { first: 20_000, last: 65_535 }],
  ])('lie beside those that the system gives: %s', (_, given, beside) => {
    expect(portsBeside(given)).toEqual(beside);
  });

  it('that somebody has are refused with the option that chooses another', async () => {
    const [port = 0] = await freePorts(1);
    const server = createServer().listen(port, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    await expect(checkPort(port, '--api-port')).rejects.toThrow(/is in use[\s\S]*--api-port chooses another/);
  });
});

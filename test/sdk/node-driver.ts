/** The SDK for TypeScript in the process of the test. */
import { openTransport } from '../../sdk/typescript/transport.ts';
import type { SdkDriver } from './driver.ts';
import { clientOver } from './typescript-driver.ts';

export const nodeDriver: SdkDriver = {
  connect: async ({ addresses, timeoutMs, tls = false, token, ...files }) => {
    const credentials = { ...(tls ? { tls: files } : {}), ...(token === undefined ? {} : { token }) };
    return clientOver(openTransport({ addresses, timeoutMs, ...credentials }));
  },
  stop: () => Promise.resolve(),
};

/** The SDK for TypeScript in the process of the test. */
import { openTransport } from '../../sdk/typescript/transport.ts';
import type { SdkDriver } from './driver.ts';
import { clientOver } from './typescript-driver.ts';

export const nodeDriver: SdkDriver = {
  connect: async ({ addresses, timeoutMs, tls = false }) =>
    clientOver(openTransport({ addresses, timeoutMs, ...(tls ? { tls: {} } : {}) })),
  stop: () => Promise.resolve(),
};

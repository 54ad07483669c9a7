/** The list of conformance with the SDK for TypeScript. */

import { nodeDriver } from './node-driver.ts';
import { playConformance } from './play-conformance.ts';

playConformance('TypeScript', () => ({ start: () => nodeDriver }));

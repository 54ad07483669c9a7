/** The list of conformance with the SDK for TypeScript. */
import { playConformance } from './play-conformance.ts';
import { typescriptDriver } from './typescript-driver.ts';

playConformance('TypeScript', () => ({ start: () => typescriptDriver }));

/** Before each test file: properties begin at the seed of the tests, unless they name their own. */
import fc from 'fast-check';
import { testSeed } from './seed.ts';

fc.configureGlobal({ seed: testSeed() });

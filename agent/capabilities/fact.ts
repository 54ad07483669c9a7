/** What a name and a value must be like to be told to a controller, which ends the stream of an agent that tells it anything else. Pure. */
import { LIMITS } from '../../shared/limits.ts';
import { isPrintable } from '../../shared/printable.ts';

const NAME = /^[a-z][a-z0-9._-]{0,62}$/;

export const isFact = (name: string, value: string): boolean =>
  NAME.test(name) && Buffer.byteLength(value) <= LIMITS.capabilityBytes && isPrintable(value);

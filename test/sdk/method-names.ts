/** Words of the protocol of sdk/conformance/README.md. */
import type { JsonValue } from '@bufbuild/protobuf';
import { services } from '../e2e/every-method.ts';

export const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');

export function serviceOf(method: string): string {
  const found = services.find(({ methods }) => methods.some(({ name }) => name === method));
  if (found === undefined) throw new Error(`${method} is no method`);
  return found.name;
}

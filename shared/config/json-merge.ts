/** Values of one layer over those of another. */
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';

export const isJsonObject = (json: JsonValue | undefined): json is JsonObject =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

/** Messages and maps are merged name by name; lists and all else are one value. */
export function mergedJson(under: JsonObject, over: JsonObject): JsonObject {
  const merged: JsonObject = { ...under };
  for (const [name, value] of Object.entries(over)) {
    const below = merged[name];
    merged[name] = isJsonObject(below) && isJsonObject(value) ? mergedJson(below, value) : value;
  }
  return merged;
}

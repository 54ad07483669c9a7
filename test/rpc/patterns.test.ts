import { type DescField, type DescMessage, getOption } from '@bufbuild/protobuf';
import { type FieldRules, field as fieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { describe, expect, it } from 'vitest';
import { API_SERVICES } from '../../controller/api/api-services.ts';
import { AgentConfigSchema } from '../../shared/gen/locum/config/v1/agent_config_pb.ts';
import { CliConfigSchema } from '../../shared/gen/locum/config/v1/cli_config_pb.ts';
import { ControllerConfigSchema } from '../../shared/gen/locum/config/v1/controller_config_pb.ts';
import { AgentService } from '../../shared/gen/locum/v1/agent_service_pb.ts';

function patternsOf(rules: FieldRules | undefined): readonly string[] {
  const { type } = rules ?? {};
  if (type?.case === 'string') return type.value.pattern === '' ? [] : [type.value.pattern];
  if (type?.case === 'repeated') return patternsOf(type.value.items);
  if (type?.case === 'map') return [...patternsOf(type.value.keys), ...patternsOf(type.value.values)];
  return [];
}

/** Of all fields of a message, and of the messages in it. */
function collect(schema: DescMessage, seen: Set<DescMessage>, into: Map<string, DescField>): void {
  if (seen.has(schema)) return;
  seen.add(schema);
  for (const field of schema.fields) {
    for (const pattern of patternsOf(getOption(field, fieldRules))) into.set(pattern, field);
    if (field.message !== undefined) collect(field.message, seen, into);
  }
}

describe('the patterns of our protos', () => {
  const patterns = new Map<string, DescField>();
  const seen = new Set<DescMessage>();
  for (const { methods } of [...API_SERVICES, AgentService])
    for (const { input } of methods) collect(input, seen, patterns);
  for (const schema of [AgentConfigSchema, CliConfigSchema, ControllerConfigSchema]) collect(schema, seen, patterns);

  it('are there', () => expect(patterns.size).toBeGreaterThan(10));

  it.each([...patterns.keys()])(
    'stand from the beginning to the end, and repeat nothing that repeats without a bound: %s',
    (pattern) => {
      expect(pattern).toMatch(/^\^.*\$$/s);
      expect(pattern).not.toMatch(/[*+]\)[*+{?]*[*+{]/);
      expect(pattern).not.toMatch(/\\[1-9]|\(\?/);
      // One repetition without a bound at most, with nothing behind it but the end.
      const outsideOfClasses = pattern.replaceAll(/\[[^\]]*\]/g, '[]');
      expect(outsideOfClasses.replace(/[*+]\)*\??\$$/, '$')).not.toMatch(/[*+]/);
    },
  );
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DescField, type DescMessage, getOption } from '@bufbuild/protobuf';
import { type FieldRules, field as fieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { describe, expect, it } from 'vitest';
import { API_SERVICES } from '../../controller/api/api-services.ts';
import { limitsTable } from '../../scripts/limits-table.ts';
import { AgentService } from '../../shared/gen/locum/v1/agent_service_pb.ts';
import { LIMIT_ROWS, LIMITS } from '../../shared/limits.ts';

interface Rule {
  /** `locum.v1.Command.argv[]` for the rule of its items, `locum.v1.Workload.env[value]` for that of a map's values. */
  readonly field: string;
  readonly value: number;
  readonly unit: string;
}

/** The rules about lengths of a field, of its items and of its values. Patterns bound names and keys by themselves. */
function rulesOf(field: DescField): readonly Rule[] {
  const name = ['request_id', 'if_plan', 'page_token', 'filter'].includes(field.name)
    ? `*.${field.name}`
    : `${field.parent.typeName}.${field.name}`;
  const { type } = getOption(field, fieldRules);
  if (type.case === 'repeated')
    return [...rule(name, type.value.maxItems, 'items'), ...textRules(`${name}[]`, type.value.items)];
  if (type.case === 'map')
    return [...rule(name, type.value.maxPairs, 'items'), ...textRules(`${name}[value]`, type.value.values)];
  return textRules(name, getOption(field, fieldRules));
}

function textRules(field: string, rules: FieldRules | undefined): readonly Rule[] {
  if (rules?.type.case === 'bytes') return rule(field, rules.type.value.maxLen, 'bytes');
  if (rules?.type.case !== 'string') return [];
  return [...rule(field, rules.type.value.maxBytes, 'bytes'), ...rule(field, rules.type.value.maxLen, 'characters')];
}

const rule = (field: string, value: bigint, unit: string): readonly Rule[] =>
  value === 0n ? [] : [{ field, value: Number(value), unit }];

function messagesIn(schema: DescMessage, found = new Set<DescMessage>()): ReadonlySet<DescMessage> {
  if (found.has(schema)) return found;
  found.add(schema);
  for (const { message } of schema.fields) if (message !== undefined) messagesIn(message, found);
  return found;
}

const text = (rules: readonly Rule[]): string[] => {
  return [...new Set(rules.map(({ field, value, unit }) => `${field}: ${value} ${unit}`))].sort();
};

describe('docs/limits.md', () => {
  it('has the table of limits as shared/limits.ts says it', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/limits.md'), 'utf8');
    expect(page).toContain(`\n${limitsTable().join('\n')}\n`);
  });
});

describe('the table of limits', () => {
  it('says the same as the rules of every field that a client or an agent can send, and all of them', () => {
    const inputs = [...API_SERVICES, AgentService].flatMap(({ methods }) => methods.map(({ input }) => input));
    const messages = inputs.flatMap((input) => [...messagesIn(input)]);
    const inProtos = [...new Set(messages)].flatMap(({ fields }) => fields.flatMap(rulesOf));
    const inTable = Object.values(LIMIT_ROWS).flatMap(({ fields, value, unit }) =>
      fields.map((field) => ({ field, value, unit })),
    );
    expect(text(inTable)).toEqual(text(inProtos));
  });

  it('fits together: a workload with all its arguments fits a message to an agent, and the largest texts their messages', () => {
    // Ids, timers and tags take less than 4 KiB; each argument three bytes more than itself.
    const start = LIMITS.workloadBytes + LIMITS.healthCheckBytes + LIMITS.argumentsBytes + 3 * LIMITS.arguments + 4_096;
    expect(start).toBeLessThan(LIMITS.agentMessageBytes);
    expect(LIMITS.scriptBytes).toBeLessThan(LIMITS.workloadBytes);
    expect(LIMITS.argumentBytes).toBeLessThan(LIMITS.argumentsBytes);
    expect(LIMITS.outputBytes + LIMITS.partBytes).toBeLessThan(LIMITS.agentMessageBytes);
    expect(LIMITS.pageBytes * 6 + LIMITS.recordBytes).toBeLessThanOrEqual(LIMITS.answerBytes);
    expect(LIMITS.poolServers).toBeLessThan(LIMITS.requestValues);
  });
});

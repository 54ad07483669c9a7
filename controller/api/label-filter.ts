/** The `filter` of lists and watches: predicates over labels, in the words of requirements (docs/semantics.md, section 8). */
import { invalidFields } from '../../shared/errors.ts';
import { parseRequirement, type Requirement, satisfies } from '../core/records/capability.ts';

export type LabelFilter = (labels: Readonly<Record<string, string>>) => boolean;

/** All must hold; without any, everything is wanted. @throws LocumError INVALID_FIELD */
export function labelFilter(filter: readonly string[]): LabelFilter {
  const predicates = filter.map((text, index) => predicateOf(text, `filter[${index}]`));
  if (predicates.length === 0) return () => true;
  return (labels) => {
    const values = new Map(
      Object.entries(labels).map(([name, value]) => [name, [{ name, value, source: 'CONFIG' as const }]]),
    );
    return predicates.every((predicate) => satisfies(predicate, values));
  };
}

function predicateOf(text: string, field: string): Requirement {
  const parsed = parseRequirement(text, 'label');
  if (parsed.kind === 'error') throw invalidFields([{ field, description: parsed.detail }]);
  return parsed.requirement;
}

/** Whether a call of each method leaves an entry in the audit, by how it is made: a new one that would leave none is found here. */
import type { DescMethod } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { isNoted } from '../../../controller/access/access-audit.ts';
import { API_SERVICES } from '../../../controller/api/api-services.ts';

const METHODS: readonly DescMethod[] = API_SERVICES.flatMap(({ methods }) => methods);
const nameOf = ({ parent, name }: DescMethod): string => `${parent.name}/${name}`;

/** Changes records: the entry is in the commit of the change. */
const changesRecords = ({ input }: DescMethod): boolean => input.field['requestId'] !== undefined;
/** Shows records, which are no secrets. */
const looks = ({ name }: DescMethod): boolean => /^(?:Get|List|Watch|Explain|Simulate|Check)[A-Z]|^WhoAmI$/.test(name);

describe('each method of the API', () => {
  it('changes records, only looks at them, or is noted', () => {
    const others = METHODS.filter((method) => !changesRecords(method) && !looks(method) && !isNoted(method));
    // Controllers say how far their copies are; a join is committed like a change, and known by its key instead of a request_id.
    expect(others.map(nameOf)).toEqual(['ClusterService/ReportCopy', 'EnrolmentService/Join']);
  });

  it('that shows output or everything, runs something, or changes what is no record, is noted', () => {
    expect(METHODS.filter(isNoted).map(nameOf).sort()).toEqual([
      'ClusterService/SaveSnapshot',
      'ClusterService/TransferLeadership',
      'HookService/TestHook',
      'RunService/StreamOutput',
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import type { StoreStatus } from '../../controller/engine/store-status.ts';
import { ControllerMetrics } from '../../controller/metrics.ts';
import { doesItsWork, oldCertificates, storeTrouble, troubleBeside } from '../../controller/trouble.ts';
import { CERTIFICATE_CONDITIONS } from '../../shared/certificate-life.ts';
import { DAY, HOUR } from '../../shared/time.ts';
import { ModelWorld } from './core/world/model-world.ts';
import { stateOfNewLeader } from './new-leader.ts';

const quiet: StoreStatus = { trouble: undefined, waitingRecords: 0, waitingBytes: 0, waitingMs: undefined };

describe('the store in the status', () => {
  it('is nothing to tell of while it takes what it is given, or nobody leads', () => {
    expect(storeTrouble(undefined, 1_000_000)).toEqual([]);
    expect(storeTrouble(quiet, 1_000_000)).toEqual([]);
    expect(storeTrouble({ ...quiet, waitingRecords: 7, waitingMs: 1_999 }, 1_000_000)).toEqual([]);
  });

  it('is slow once a commit has waited for 2 s, with since when and how much waits', () => {
    expect(storeTrouble({ ...quiet, waitingRecords: 7, waitingMs: 2_500 }, 1_000_000)).toMatchObject([
      {
        ...{ resource: 'cluster', reason: 'STORE_SLOW', sinceWall: 997_500, command: 'locum controllers' },
        message: 'the store has not answered a commit for so long, 7 records wait for it',
      },
    ]);
  });

  it('refuses, with why and what to do', () => {
    const trouble = { reason: 'STORE_FULL', detail: 'no space' } as const;
    const [found] = storeTrouble({ ...quiet, trouble, waitingRecords: 1, waitingMs: 60_000 }, 1_000_000);
    expect(found).toMatchObject({ reason: 'STORE_REFUSES', sinceWall: 940_000 });
    expect(found?.message).toMatch(/^the store takes no writes, 1 record .*: no space: /);
  });

  it('is in the metrics as in the status, as is what else the core does not know of', async () => {
    const metrics = new ControllerMetrics();
    const source = { state: stateOfNewLeader(), mailboxDepth: 0, pendingCalls: 0, storeStatus: quiet };
    metrics.source = source;
    metrics.trouble = () => [
      ...storeTrouble({ ...quiet, waitingMs: 3_000 }, 1_000_000),
      ...['c2', 'c3'].map((id) => ({
        ...({ resource: `controllers/${id}`, reason: 'CONTROLLER_GONE', message: '', command: '' } as const),
        ...{ sinceWall: undefined, etaWall: undefined },
      })),
    ];
    const text = await metrics.registry.metrics();
    expect(text).toContain('locum_deviations{reason="STORE_SLOW"} 1');
    expect(text).toContain('locum_deviations{reason="CONTROLLER_GONE"} 2');
    expect(text).toContain('locum_deviations{reason="STORE_REFUSES"} 0');
    expect(text).toContain('locum_deviations{reason="PROBE_FAILING"} 0');
  });
});

describe('certificates of controllers and of the authority', () => {
  const own = { of: 'controller', resource: 'controllers/c1', renewalProblem: '' } as const;
  const root = { of: 'authority', resource: 'cluster', renewalProblem: '' } as const;
  const life = { notBeforeWall: 0, notAfterWall: DAY };

  it('are nothing to tell of until five sixths of their life, then with since when and what to do', () => {
    const certificates = [
      { ...own, ...life },
      { ...root, notBeforeWall: 0, notAfterWall: 3_650 * DAY },
    ];
    expect(oldCertificates(certificates, 20 * HOUR - 1)).toEqual([]);
    expect(oldCertificates(certificates, 21 * HOUR)).toMatchObject([
      {
        ...{
          resource: 'controllers/c1',
          reason: 'CERTIFICATE_ENDS',
          sinceWall: 20 * HOUR,
          command: 'locum controllers',
        },
        message: 'its certificate ends in 3 h and was not renewed: its log says why',
      },
    ]);
    expect(oldCertificates(certificates.slice(1), 3_100 * DAY)).toMatchObject([
      {
        resource: 'cluster',
        message: expect.stringMatching(/^the authority’s certificate ends in 550 d .*A new authority/),
      },
    ]);
  });

  it('of a follower are known by what it reports', () => {
    const copy = { asOfMono: 0, heardMono: 0, behindRevisions: 0, storeProblem: '', isMember: true };
    const followers = [{ id: 'c2', ...copy, certificate: { ...life, renewalProblem: '' } }];
    const now = { mono: 0, wall: 25 * HOUR };
    const found = troubleBeside({ status: undefined, gone: [], followers, certificates: [{ ...own, ...life }] }, now);
    expect(found.map(({ resource, message }) => [resource, message])).toEqual([
      ['controllers/c1', 'its certificate has been over for 60 min and was not renewed: its log says why'],
      ['controllers/c2', 'its certificate has been over for 60 min and was not renewed: its log says why'],
    ]);
  });

  it('are in the metrics: when each of a controller ends, and servers by the condition of theirs', async () => {
    const wall = 21 * HOUR;
    const metrics = new ControllerMetrics(() => ({ mono: 0, wall }));
    expect(await metrics.registry.metrics()).not.toMatch(/^locum_(server_)?certificate_\w+ /m);
    metrics.tls = { certificates: [{ ...own, ...life }], refusals: new Map([['NO_CERTIFICATE', 3]]) };
    metrics.source = {
      state: stateWith([DAY, 22 * HOUR, 30 * DAY, HOUR]),
      mailboxDepth: 0,
      pendingCalls: 0,
      storeStatus: quiet,
    };
    const text = await metrics.registry.metrics();
    expect(text).toContain(`locum_certificate_expiry_timestamp_seconds{of="controller"} ${DAY / 1_000}`);
    const counts = CERTIFICATE_CONDITIONS.map((word) => {
      return new RegExp(`locum_server_certificates\\{condition="${word}"\\} (\\d)`).exec(text)?.[1];
    });
    expect(counts).toEqual(['1', '2', '1']);
    expect(text).toContain(`locum_server_certificate_earliest_expiry_timestamp_seconds ${HOUR / 1_000}`);
  });
});

/** Of a leader with connected servers whose certificates began at 0 and end so. */
function stateWith(ends: readonly number[]) {
  const world = new ModelWorld();
  world.elect();
  ends.forEach((certifiedUntilWall, index) => {
    world.agent(`web-${index}`, { certifiedWall: 0, certifiedUntilWall }).hello();
  });
  world.advanceTo(world.time.now.mono + 1);
  return world.state;
}

describe('a leader, for its watchdog', () => {
  it('does its work while nothing waits, or what waits is the store’s to answer; else it hangs', () => {
    const term = (mailboxDepth: number, status: Partial<StoreStatus> = {}) => ({
      mailboxDepth,
      storeStatus: { ...quiet, ...status },
    });
    expect(doesItsWork(undefined)).toBe(true);
    expect(doesItsWork(term(0))).toBe(true);
    expect(doesItsWork(term(9, { waitingMs: 600_000 }))).toBe(true);
    expect(doesItsWork(term(9, { trouble: { reason: 'STORE_FULL', detail: 'no space' } }))).toBe(true);
    expect(doesItsWork(term(9))).toBe(false);
  });
});

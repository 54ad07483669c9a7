/** Runs: looking at them, moving, stopping and releasing them. */
import type { ServiceImpl } from '@connectrpc/connect';
import { RunSchema } from '../../shared/gen/locum/v1/run_pb.ts';
import {
  MoveRunRequestSchema,
  ReleaseRunRequestSchema,
  type RunService,
  StopRunRequestSchema,
} from '../../shared/gen/locum/v1/run_service_pb.ts';
import { runId } from '../../shared/ids.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import type { Call } from '../core/cluster/event.ts';
import type { Run } from '../core/records/state.ts';
import { currentAttempt, isEnded } from '../core/views.ts';
import { type ApiContext, planOf, submit } from './api-context.ts';
import { labelFilter } from './label-filter.ts';
import { indexAfterNumber, pageOf } from './page.ts';
import { projectRun } from './projections/project-run.ts';
import { policyIdOf, runIdOf, serverIdOf } from './resource-id.ts';
import { sightOf } from './sight.ts';
import { streamOutput } from './stream-output.ts';
import { watchResources } from './watch-resources.ts';

/** The number in a run's id: newer runs have greater ones, over all policies. */
export const runNumber = ({ id }: Run): number => Number(id.slice(id.lastIndexOf('-') + 1));

const newestFirst = (a: Run, b: Run): number => runNumber(b) - runNumber(a);

const allRuns = (state: ClusterState): Run[] => [...state.runs.values()].sort(newestFirst);

/** By the labels of their policy; one that is deleted has none. */
function runFilter(filter: readonly string[]): (state: ClusterState, run: Run) => boolean {
  const isWanted = labelFilter(filter);
  return ({ policies }, { policy, policyUid }) => {
    const known = policies.get(policy);
    return isWanted(known?.uid === policyUid ? known.spec.labels : {});
  };
}

export function runService(api: ApiContext): ServiceImpl<typeof RunService> {
  const show = (run: Run) => api.leaderTerm().read((state, now) => projectRun(state, run, now));

  return {
    async getRun({ name }, context) {
      const id = runIdOf(name);
      return api.leaderTerm().read((state, now) => {
        const sight = sightOf(context, state);
        const run = sight.found(state.runs.get(id), name, (one) => sight.run(one));
        return { run: projectRun(state, run, now) };
      });
    },

    async listRuns(request, context) {
      const policy = request.policy === '' ? undefined : policyIdOf(request.policy, 'policy');
      const server = request.server === '' ? undefined : serverIdOf(request.server, 'server');
      const isOf = runFilter(request.filter);
      const wanted = (run: Run): boolean =>
        (request.onlyEnded ? isEnded(run) : request.includeEnded || !isEnded(run)) &&
        (policy === undefined || run.policy === policy) &&
        (server === undefined || currentAttempt(run)?.server === server);
      return api.leaderTerm().read((state, now) => {
        const sight = sightOf(context, state);
        const runs = allRuns(state).filter((run) => wanted(run) && isOf(state, run) && sight.run(run));
        const { shown, nextPageToken } = pageOf(runs, request, {
          question: [
            'ListRuns',
            request.policy,
            request.server,
            request.includeEnded,
            request.onlyEnded,
            request.filter,
          ],
          cursorOf: (run) => String(runNumber(run)),
          indexAfter: indexAfterNumber(runNumber),
          schema: RunSchema,
          show: (run) => projectRun(state, run, now),
        });
        return { runs: shown, nextPageToken };
      });
    },

    async moveRun(message, context) {
      const request: Call = {
        kind: 'move_run',
        run: runIdOf(message.name),
        server: message.server === '' ? undefined : serverIdOf(message.server, 'server'),
      };
      const value = await submit(api, { schema: MoveRunRequestSchema, message, context }, request, 'run');
      return { run: await show(value.run), ...planOf(value) };
    },

    async stopRun(message, context) {
      const request: Call = { kind: 'stop_run', run: runIdOf(message.name) };
      const value = await submit(api, { schema: StopRunRequestSchema, message, context }, request, 'run');
      return { run: await show(value.run), ...planOf(value) };
    },

    async releaseRun(message, context) {
      const { abandonAttempt, reason } = message;
      const request: Call = { kind: 'release_run', run: runIdOf(message.name), abandonAttempt, reason };
      const value = await submit(api, { schema: ReleaseRunRequestSchema, message, context }, request, 'run');
      return { run: await show(value.run), ...planOf(value) };
    },

    streamOutput(request, context) {
      return api.streams.counted(streamOutput(api, request, context));
    },

    async *watchRuns({ revision, filter }, context) {
      const isOf = runFilter(filter);
      const items = watchResources(api, revision, context.signal, {
        folder: 'runs',
        seesAll: (state) => sightOf(context, state).isWhole,
        list: (state) => allRuns(state).map(({ id }) => id),
        project: (state, now, id) => {
          const run = state.runs.get(runId(id));
          if (run === undefined || !isOf(state, run)) return undefined;
          return sightOf(context, state).run(run) ? projectRun(state, run, now) : undefined;
        },
      });
      for await (const { value, ...rest } of items) {
        yield value === undefined ? rest : { ...rest, change: { case: 'run' as const, value } };
      }
    },
  };
}

/**
 * What an operator finds at three in the morning: each cause of a bad night stands in `locum status`, with since when and a command that
 * shows it, and nothing else does. The page that explains such a night shows the same lines.
 */
import { fromJsonString } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { beforeAll, describe, expect, it } from 'vitest';
import { deviationColumns } from '../../cli/cluster/status.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { Table } from '../../cli/output/table.ts';
import { present } from '../../shared/assert.ts';
import {
  type Deviation,
  type GetStatusResponse,
  GetStatusResponseSchema,
} from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { blocks } from '../docs/shell-blocks.ts';
import { CAUSES, deploy, EVENING, flap } from './bad-night.ts';
import { runCaptured } from './captured-command.ts';
import { eventually, useCluster } from './cluster-fixture.ts';
import { runLocum } from './locum-command.ts';

const PAGE = 'docs/troubleshooting.md';
const WIDTH = 80;
/** Half a minute, on a machine that has nothing else to do. */
const NIGHT_TIMEOUT_MS = 240_000;

const withoutNumber = (resource: string): string => resource.replace(/-\d+$/, '');
const told = ({ resource, reason }: Deviation): string =>
  `${resource.startsWith('runs/') ? withoutNumber(resource) : resource} ${reason}`;

describe('on a bad night', () => {
  const fixture = useCluster(['web-1', 'web-2', 'web-3', 'web-4', 'web-5']);
  const locum = (words: readonly string[], options = { input: '' }) =>
    runLocum(fixture().cluster.address, words, options);
  const look = async (): Promise<GetStatusResponse> => {
    const { stdout } = await locum(['status', '-o', 'json']);
    return fromJsonString(GetStatusResponseSchema, stdout);
  };
  let [fellAtMs, status] = [0, undefined as GetStatusResponse | undefined];

  beforeAll(async () => {
    const { cluster, running, servers } = fixture();
    await locum(['policy', 'apply', '-f', '-'], { input: EVENING });
    for (const policy of ['gateway', 'billing', 'batch-a', 'batch-b']) await running(policy);
    for (const policy of ['ledger', 'dongle', 'shop']) await running(policy, 'web-4');
    fellAtMs = Date.now();
    await deploy(locum);
    await flap(cluster, 'web-5', async (is) => {
      return await eventually('web-5 comes or goes', async () => {
        const { server } = await servers.getServer({ name: 'servers/web-5' });
        return server !== undefined && is(server) ? server : undefined;
      });
    });
    // Only now: two of five that are silent and a third one that is slow would be half of the pool, and another story.
    await cluster.killHost('web-4');
    status = await eventually('each cause is told, and nothing else', async () => {
      const answer = await look();
      return answer.deviations.map(told).join() === CAUSES.map((cause) => cause.told).join() ? answer : undefined;
    }).catch(look);
  }, NIGHT_TIMEOUT_MS);

  it('the status names every cause once, the worst first, and nothing else', () => {
    expect(present(status, 'it was asked').deviations.map(told)).toEqual(CAUSES.map((cause) => cause.told));
  });

  it('fits a terminal of 80 columns, commands and all, as the page shows it', () => {
    const { deviations } = present(status, 'it was asked');
    const lines = new Table(deviationColumns, { wide: false, width: WIDTH }).render(deviations).split('\n');
    expect(lines.filter((line) => line.length > WIDTH)).toEqual([]);
    const shown = present(
      blocks(PAGE, 'text').find(({ text }) => text.includes('NOT AS IT SHOULD BE')),
      'the page has one',
    );
    // Ages, counts, numbers of runs and where it happened to be last differ each time.
    const lasting = (text: string): readonly string[] =>
      text
        .match(/^\S+\/\S+ +[A-Z_]+|^ {4}locum .*/gm)
        ?.map((line) => line.replaceAll(/ +/g, ' ').replace(/^(runs\/\S+|.* run \w+ \S+)-\d+/, '$1')) ?? [];
    expect(lasting(shown.text)).toEqual(lasting(lines.join('\n')));
  });

  it.each(CAUSES)(
    '"$told" says since when and why, and names a command that shows it',
    async ({ told: wanted, because, shows }) => {
      const found = status?.deviations.find((deviation) => told(deviation) === wanted);
      const { sinceTime, message, command } = present(found, `${wanted} is in the status`);
      expect(message).toMatch(because);
      // Nothing of it was so in the evening; what hangs has hung since it began.
      expect(timestampMs(present(sinceTime, 'since when'))).toBeGreaterThan(fellAtMs - 1_000);
      const [program, ...words] = command.split(' ');
      expect(program).toBe('locum');
      const ended = await runCaptured(fixture().cluster.address, words);
      // "explain" answers with its exit code whether a run would be placed.
      const right = command.startsWith('locum policy explain ') ? EXIT.notPlaced : EXIT.ok;
      expect({ command, code: ended.code, stdout: ended.stdout }).toEqual({
        command,
        code: right,
        stdout: expect.stringMatching(shows),
      });
    },
  );
});

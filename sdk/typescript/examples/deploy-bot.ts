/**
 * `node deploy-bot.ts policies/web 1.4.2`: gives a policy the environment variable VERSION, restarts it, and waits until a new attempt runs.
 * Exit code 0: it runs; 1: it does not, and why.
 */
import { RunState } from '../../../shared/gen/locum/v1/run_pb.ts';
import { connect, errorOf, type Locum } from '../client.ts';
import { followResources } from '../resume.ts';

const TIME_TO_RUN_MS = 60_000;

/** With the etag that was read: two bots at once are a mistake, and one of them is told. */
async function setVersion(locum: Locum, name: string, version: string): Promise<void> {
  const { policy } = await locum.policies.getPolicy({ name });
  if (policy?.workload === undefined) throw new Error(`${name} has no workload`);
  policy.workload.env['VERSION'] = version;
  await locum.policies.updatePolicy({ policy });
}

async function newestEpoch(locum: Locum, policy: string): Promise<bigint> {
  const { runs } = await locum.runs.listRuns({ policy });
  const epochs = runs.flatMap(({ attempts }) => attempts.map(({ epoch }) => epoch));
  return epochs.reduce((newest, epoch) => (epoch > newest ? epoch : newest), 0n);
}

/** Which server runs a later attempt than `epoch`. @throws when time is up */
async function runsAfter(locum: Locum, policy: string, epoch: bigint): Promise<string> {
  const signal = AbortSignal.timeout(TIME_TO_RUN_MS);
  const open = (revision: bigint) => locum.runs.watchRuns({ revision }, { signal });
  for await (const { change } of followResources({ open, signal })) {
    if (change.case !== 'run' || change.value.policy !== policy) continue;
    const { attempts, server, state } = change.value;
    if (state === RunState.RUNNING && (attempts.at(-1)?.epoch ?? 0n) > epoch) return server;
  }
  throw new Error(`${policy} does not run after ${TIME_TO_RUN_MS / 1_000} s`);
}

async function deploy(locum: Locum, name: string, version: string): Promise<void> {
  const before = await newestEpoch(locum, name);
  await setVersion(locum, name, version);
  await locum.policies.restartPolicy({ name });
  console.log(`${name} ${version} runs on ${await runsAfter(locum, name, before)}`);
}

function explain(error: unknown): string {
  const answer = errorOf(error);
  if (answer?.reason === 'ETAG_MISMATCH') return 'somebody else changed it meanwhile: look, then deploy again';
  return answer === undefined ? String(error) : `${answer.message} (${answer.reason})`;
}

const [name, version] = process.argv.slice(2);
if (name === undefined || version === undefined) {
  console.error('node deploy-bot.ts policies/POLICY VERSION');
  process.exit(1);
}
const addresses = (process.env['LOCUM_ADDRESS'] ?? '127.0.0.1:7400').split(',');
const locum = connect({ addresses, actor: 'deploy-bot' });
try {
  await deploy(locum, name, version);
} catch (error) {
  console.error(explain(error));
  process.exitCode = 1;
} finally {
  locum.close();
}

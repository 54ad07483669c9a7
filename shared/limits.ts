/**
 * The one table of limits. They fit each other: what a request may hold fits a record, a record fits every store, and what a start
 * takes fits a message to an agent; a test tries that with the largest resources there can be. docs/limits.md is printed from here,
 * and the rules in the protos are kept equal by a test. Pure: cores use it too.
 */

export const KIB = 1024;
export const MIB = 1024 * KIB;

export type LimitUnit = 'bytes' | 'characters' | 'items' | 'levels';

/** One row of the table. */
export interface LimitRow {
  readonly value: number;
  readonly unit: LimitUnit;
  /** What is limited, as it stands in docs/limits.md. */
  readonly what: string;
  /** What happens beyond it. */
  readonly beyond: string;
  /** Fields of the protos whose rule says the same, `locum.v1.Script.text`. None: it is checked by code alone. */
  readonly fields: readonly string[];
}

const REFUSED = 'INVALID_FIELD with the field';
const TOO_LARGE = 'MESSAGE_TOO_LARGE';
const STREAM_ENDS = 'the agent’s stream ends with the reason';

const row =
  (unit: LimitUnit) =>
  (value: number, what: string, beyond: string, fields: readonly string[] = []): LimitRow => ({
    value,
    unit,
    what,
    beyond,
    fields,
  });

const bytes = row('bytes');
const characters = row('characters');
const items = row('items');
const levels = row('levels');

const rows = {
  // Messages.
  requestBytes: bytes(2 * MIB, 'one request to the API, in any encoding', TOO_LARGE),
  requestValues: items(25_000, 'values in one message that comes in, counted before it is decoded', REFUSED),
  requestLevels: levels(32, 'messages, lists and maps inside each other', REFUSED),
  violations: items(20, 'violations named in one answer', 'the last one says how many more there are'),
  answerBytes: bytes(4 * MIB, 'one answer, or one message of a stream to a client', 'never: lists are cut before'),
  pageItems: items(1_000, 'resources on one page of a list', 'the page ends, with a next_page_token'),
  pageBytes: bytes(
    512 * KIB,
    'resources on one page of a list, together; JSON takes up to six times as much',
    'the page ends, with a next_page_token',
  ),
  snapshots: items(4, 'snapshots that are saved at once', 'OVERLOADED, to be tried again'),
  snapshotBytes: bytes(
    256 * MIB,
    'snapshots that are not read yet, together; one alone may be larger',
    'one that was not read for 5 s ends with SLOW_READER; else OVERLOADED, to be tried again',
  ),
  waitingBytes: bytes(
    256 * MIB,
    'what waits for clients of the API altogether: bodies that are not whole, answers that are not read; one address may hold as much as is free',
    'the call that waits longest for its client ends, after 5 s; else OVERLOADED, to be tried again',
  ),
  callBytes: bytes(64 * KIB, 'what each call counts for at least, as long as it is under way', 'see `waitingBytes`'),
  agentMessageBytes: bytes(256 * KIB, 'one message between agent and controller', STREAM_ENDS),
  // What policies are made of.
  workloadBytes: bytes(
    184 * KIB,
    'the workload of a policy as a whole: with any arguments it fits a message to an agent',
    `${REFUSED} that takes most`,
  ),
  healthCheckBytes: bytes(KIB, 'the health check of a policy as a whole: it goes with each start', REFUSED),
  argumentsBytes: bytes(64 * KIB, 'all arguments of a run together', REFUSED),
  arguments: items(1_000, 'arguments of a run', REFUSED, ['locum.v1.StartPolicyRequest.arguments']),
  argumentBytes: bytes(32 * KIB, 'one argument, or the value of one environment variable', REFUSED, [
    'locum.v1.Command.argv[]',
    'locum.v1.StartPolicyRequest.arguments[]',
    'locum.v1.Workload.env[value]',
  ]),
  argv: items(1_024, 'words of a command', REFUSED, ['locum.v1.Command.argv']),
  interpreterWords: items(64, 'words of the interpreter of a script, or of a health check', REFUSED, [
    'locum.v1.ExecCheck.argv',
    'locum.v1.Script.interpreter',
  ]),
  pathBytes: bytes(
    4 * KIB,
    'a working directory, the file of a secret, a page, or a word of an interpreter or a health check',
    REFUSED,
    [
      'locum.v1.ExecCheck.argv[]',
      'locum.v1.HttpCheck.path',
      'locum.v1.ValueSource.file',
      'locum.v1.Script.interpreter[]',
      'locum.v1.Workload.working_directory',
    ],
  ),
  hostBytes: bytes(253, 'the host of a health check', REFUSED, ['locum.v1.HttpCheck.host', 'locum.v1.TcpCheck.host']),
  scriptBytes: bytes(128 * KIB, 'the text of a script', REFUSED, ['locum.v1.Script.text']),
  secretVariables: items(64, 'environment variables of a policy whose values are secrets', REFUSED, [
    'locum.v1.Workload.env_from',
  ]),
  envVariables: items(256, 'environment variables of a policy', REFUSED, ['locum.v1.Workload.env']),
  requirements: items(32, 'requirements of a policy, or predicates of a filter', REFUSED, [
    'locum.v1.Policy.requirements',
    '*.filter',
  ]),
  expressionCharacters: characters(
    256,
    'a requirement, a predicate of a filter, a cron pattern, the value of a label, or what is wrong with a host',
    REFUSED,
    [
      'locum.v1.HostProblem.detail',
      'locum.v1.Policy.requirements[]',
      '*.filter[]',
      'locum.v1.Policy.labels[value]',
      'locum.v1.ScheduleTrigger.cron',
      'locum.v1.RoleGrant.policy_labels[value]',
      'locum.v1.Server.labels[value]',
    ],
  ),
  policyServers: items(1_000, 'servers in the list of a policy, or of a loss that is planned', REFUSED, [
    'locum.v1.Policy.servers',
    'locum.v1.SimulateFailureRequest.servers',
  ]),
  labels: items(64, 'labels of a policy or a server', REFUSED, [
    'locum.v1.Policy.labels',
    'locum.v1.RoleGrant.policy_labels',
    'locum.v1.Server.labels',
  ]),
  roleParts: items(64, 'roles of a token or a user, their pools, and what a role names', REFUSED, [
    'locum.v1.CreateTokenRequest.roles',
    'locum.v1.Role.permissions',
    'locum.v1.Role.run_as',
    'locum.v1.RoleGrant.pools',
    'locum.v1.User.roles',
  ]),
  wordCharacters: characters(
    64,
    'a time zone, the version of an agent, a uid, a type of events, an outcome, or a stable word',
    REFUSED,
    [
      'locum.v1.CommandResult.reason',
      'locum.v1.ConfirmServerDeadRequest.uid',
      'locum.v1.Goodbye.reason',
      'locum.v1.Hello.agent_version',
      'locum.v1.Hello.cluster_id',
      'locum.v1.Hello.uid',
      'locum.v1.ListAuditEntriesRequest.outcome',
      'locum.v1.ListEventsRequest.type',
      'locum.v1.ScheduleTrigger.time_zone',
    ],
  ),
  identityCharacters: characters(
    128,
    'a request_id, a plan, the identity of a host or a boot, a principal, a method, or the name that events are about',
    REFUSED,
    [
      'locum.v1.ConfirmServerDeadRequest.boot_id',
      'locum.v1.Hello.boot_id',
      'locum.v1.Hello.instance_id',
      'locum.v1.Hello.machine_id',
      'locum.v1.JoinRequest.token',
      'locum.v1.ListAuditEntriesRequest.method',
      'locum.v1.ListAuditEntriesRequest.principal',
      'locum.v1.ListEventsRequest.about',
      'locum.v1.WatchEventsRequest.about',
      '*.if_plan',
      '*.request_id',
    ],
  ),
  reasonCharacters: characters(
    1_024,
    'a reason in words, a page token, or what an agent says about an attempt',
    REFUSED,
    [
      'locum.v1.AttemptStatus.health_detail',
      'locum.v1.CertificateLife.renewal_problem',
      'locum.v1.CommandResult.detail',
      'locum.v1.ConfirmServerDeadRequest.reason',
      'locum.v1.OutputChunk.error',
      'locum.v1.ReleaseRunRequest.reason',
      'locum.v1.ReportCopyRequest.store_problem',
      'locum.v1.RevokeServerRequest.reason',
      '*.page_token',
    ],
  ),
  otherTextCharacters: characters(4_096, 'any other text', REFUSED),
  otherItems: items(10_000, 'any other list or map of a request', REFUSED),
  maskPaths: items(64, 'paths of an update_mask', REFUSED),
  // Servers and what they hold.
  poolServers: items(
    10_000,
    'servers of one pool',
    'a new server is refused with OVERLOADED, a longer order with INVALID_FIELD',
    ['locum.v1.SetServerOrderRequest.servers'],
  ),
  newServers: items(
    500,
    'new servers of one pool within 10 minutes, where three are older than an hour',
    'a further new server is refused with OVERLOADED for a while',
  ),
  certificateRequestBytes: bytes(4 * KIB, 'a request for a certificate', REFUSED, [
    'locum.v1.JoinRequest.certificate_request',
    'locum.v1.RenewCertificateRequest.certificate_request',
  ]),
  authorityBytes: bytes(64 * KIB, 'the certificate of an authority below another PKI, with those above it', REFUSED, [
    'locum.v1.RotateAuthorityRequest.certificate',
  ]),
  revocations: items(
    20_000,
    'servers whose certificates were revoked, for 825 days each',
    'the oldest is forgotten, those of deleted servers first',
  ),
  joinTokens: items(
    1_000,
    'join tokens, those that ended within a day among them',
    'the one that ended first is forgotten; if none has, TOO_MANY_JOIN_TOKENS',
  ),
  capabilities: items(1_024, 'capabilities of a server', STREAM_ENDS, [
    'locum.v1.CapabilitySet.capabilities',
    'locum.v1.Hello.capabilities',
  ]),
  capabilityBytes: bytes(128, 'the value of a capability', STREAM_ENDS, ['locum.v1.Capability.value']),
  probeFailures: items(32, 'probes of a server that fail', STREAM_ENDS, [
    'locum.v1.CapabilitySet.probe_failures',
    'locum.v1.Hello.probe_failures',
  ]),
  probeDetailBytes: bytes(256, 'why a probe fails', STREAM_ENDS, ['locum.v1.ProbeFailure.detail']),
  hostProblems: items(16, 'problems of a host', STREAM_ENDS, ['locum.v1.HostProblemSet.problems']),
  inventoryAttempts: items(10_000, 'attempts of one server, in any number of messages', STREAM_ENDS, [
    'locum.v1.ConfirmServerDeadRequest.epochs',
  ]),
  messageAttempts: items(1_000, 'attempts in one message of an agent; inventories come in parts', STREAM_ENDS, [
    'locum.v1.AttemptReport.attempts',
    'locum.v1.FullState.attempts',
    'locum.v1.Goodbye.attempts',
    'locum.v1.Hello.attempts',
  ]),
  partBytes: bytes(32 * KIB, 'attempts or verdicts in one part of an inventory or a Welcome', 'a further part follows'),
  outputBytes: bytes(64 * KIB, 'one piece of the output of an attempt', 'a further piece follows', [
    'locum.v1.OutputChunk.data',
  ]),
  outputTimes: items(2_048, 'times in one piece of output', 'the piece ends earlier, and a further one follows', [
    'locum.v1.OutputChunk.times',
  ]),
  // What is kept.
  recordBytes: bytes(
    1 * MIB,
    'one record of the store; etcd takes 1.5 MiB in one transaction',
    'never: what is accepted fits',
  ),
  earlierAttempts: items(
    1_000,
    'attempts of before a restore that are listed of one server',
    'policies of its pool wait until the rest has ended',
  ),
  runSkips: items(256, 'servers that a run avoids for what went wrong there', 'the one that failed first is forgotten'),
  outputPolicyAttempts: items(
    200,
    'forgotten attempts of one policy on one host whose output is kept',
    'the output of its oldest goes',
  ),
  outputHostAttempts: items(
    5_000,
    'forgotten attempts of one host whose output is kept',
    'the policy that has most loses the output of its oldest',
  ),
  eventCharacters: characters(2_048, 'the sentence of an event', 'it is cut, and ends with …'),
} satisfies Record<string, LimitRow>;

export type LimitName = keyof typeof rows;

/** The rows as docs/limits.md prints them. */
export const LIMIT_ROWS: Readonly<Record<LimitName, LimitRow>> = rows;

/** The values, by name. */
export const LIMITS: Readonly<Record<LimitName, number>> = valuesOf(rows);

function valuesOf<Name extends string>(table: Readonly<Record<Name, LimitRow>>): Record<Name, number>;
function valuesOf(table: Readonly<Record<string, LimitRow>>): Record<string, number> {
  return Object.fromEntries(Object.entries(table).map(([name, { value }]) => [name, value]));
}

/** Times that a message can show: 1970 to the end of the year 9999, where the JSON form of protobuf ends. Milliseconds since 1970. */
export const TIME_RANGE_MS = { min: 0, max: 253_402_300_799_999 } as const;

/** Spans that a message can show, either way: 10,000 years. Milliseconds. */
export const SPAN_LIMIT_MS = 315_576_000_000_000;

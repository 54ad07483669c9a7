/**
 * Command lines that use every verb with every flag of it, as test/e2e/every-flag.test.ts types them against real programs: what each is
 * answered. A flag that is added to the command line needs a line here.
 */

/** `says` is found in what it prints, on either stream. */
export interface Line {
  readonly line: string;
  readonly says: RegExp;
  /** Default: 0. */
  readonly code?: number;
}

export const line = (text: string, says: RegExp, code = 0): Line => ({ line: text, says, code });

/** `{etag server show a}` is the etag in that answer, `{plan}` what a dry run of the same line said. */
const ORDER_ETAG = '{etag server order}';
const TIMERS =
  '--heartbeat-interval 5s --suspect-after 15s --lease 20s --stop-timeout 10s --kill-guard 5s --missing-after 45s --default-max-slots 7 --default-failback never';

/** A change: tried under both names of a trial, which change nothing, and then done as planned. */
export const planned = (text: string, says: RegExp): readonly Line[] => [
  line(`${text} --dry-run`, /--if-plan [0-9a-f]{16}/),
  line(`${text} --validate-only`, /--if-plan [0-9a-f]{16}/),
  line(`${text} --if-plan {plan}`, says),
];

export const SERVERS: readonly Line[] = [
  line('status', /^servers: +3, 3 available/m),
  line('server list --pool default --columns server,slots --sort -server', /^SERVER +SLOTS\nc .*\nb .*\na /),
  line('server list --selector !site', /^ +3 +c /m),
  line('server show a', /^server: +a$/m),
  line(
    'server capabilities --pool default --columns capability,servers --sort capability',
    /^CAPABILITY +SERVERS\narch /,
  ),
  line('server wait a --for alive', /a is alive/),
  line('server order --pool default', /^1 +a +\(primary\)/),
  ...planned(`server promote b --apply new-only --etag ${ORDER_ETAG}`, /^1 +b/m),
  ...planned(`server demote b --apply new-only --etag ${ORDER_ETAG}`, /^2 +b/m),
  ...planned(`server make-primary c --apply new-only --etag ${ORDER_ETAG}`, /^1 +c/m),
  ...planned(`server move c --rank 3 --apply new-only --etag ${ORDER_ETAG}`, /^3 +c/m),
  line('server move c --before a', /^1 +c/m),
  line('server move c --after b', /^3 +c/m),
  ...planned(`server order b a c --pool default --apply new-only --etag ${ORDER_ETAG}`, /^1 +b/m),
  line('server order a b c --etag "none-such"', /ETAG_MISMATCH/, 5),
  line('server order a b c', /^1 +a/m),
  ...planned('server cordon c', /c takes no new work/),
  ...planned('server uncordon c', /c takes new work|c takes/),
  ...planned('server drain c --let-finish --deadline 1m --wait', /c/),
  line('server uncordon c', /c/),
  ...planned('server limit a 9', /a takes up to 9 slots/),
  line('server revoke gone --reason sold --yes', /gone/),
  line('server revoked --columns server --sort server', /^SERVER\ngone$/m),
  line('plan --server-lost a,b', /^Without a, b: /m),
  line('plan order b a c --pool default --apply move-now', /^1 +b/m),
  line('plan limit a 1', /1 slot/),
  ...planned('proceed --yes', /./),
  line('controllers --columns controller,role --sort role', /^CONTROLLER +ROLE\n\S+ +leader/),
  line('transfer-leadership', /./, 2),
  line('top --once --columns server,slots --sort -server', /^SERVER +SLOTS\n/m),
];

export const POOLS: readonly Line[] = [
  ...planned(`pool create spare ${TIMERS}`, /spare/),
  ...planned(`pool set spare ${TIMERS.replace('slots 7', 'slots 8')} --etag {etag pool show spare}`, /8/),
  line('pool show spare', /8/),
  line('pool list --columns pool --sort -pool', /^POOL\nspare\ndefault/),
  ...planned('pool delete spare --etag {etag pool show spare} --yes', /spare/),
];

export const POLICIES: readonly Line[] = [
  line('policy diff --file {folder}/more.yaml', /more/, 6),
  ...planned('policy apply --file {folder}/more.yaml', /more created/),
  line('policy init schedule', /^name: /m),
  line('policy edit more', /unchanged|nothing/i),
  line('policy list --pool default --columns policy --sort -policy', /^POLICY\nsteady\n/),
  line('policy list --selector team=x', /^steady /m),
  line('policy show more', /^policy: +more$/m),
  line('policy show --selector team=x', /^policy: +steady$/m),
  line('policy explain steady --columns server,verdict --sort -server', /^SERVER +VERDICT\nc /),
  line('policy wait steady --for running', /steady is running/),
  ...planned('policy start job', /job-\d+/),
  line('run wait job --for succeeded', /SUCCEEDED/),
  line('policy start job --wait -- one two', /SUCCEEDED/),
  line('policy start sleeper', /sleeper-\d+/),
  line('run wait sleeper --for running', /RUNNING|running/),
  ...planned('run move sleeper b', /b/),
  line('run wait sleeper --for running', /RUNNING|running/),
  ...planned('run stop sleeper', /sleeper/),
  line('run wait sleeper --for ended', /./),
  ...['pause', 'resume', 'restart', 'stop'].flatMap((verb) => planned(`policy ${verb} more`, /more/)),
  ...['pause', 'resume', 'restart', 'stop'].map((verb) => line(`policy ${verb} --selector team=y`, /more/)),
  line('policy rename more other --dry-run', /Nothing was changed|would/),
  line('policy rename more other --yes', /other/),
  ...planned('policy delete other --etag {etag policy show other} --yes', /other/),
  line('policy apply -f {folder}/more.yaml', /more created/),
  line('policy delete --file {folder}/more.yaml --yes', /more/),
  line('policy apply -f {folder}/more.yaml', /more/),
  line('policy delete --selector team=y --yes', /more/),
];

export const RUNS: readonly Line[] = [
  line('run list --policy steady --server a --columns run,state --sort run', /^RUN +STATE\nsteady-\d+ +RUNNING/),
  line('run list --policy job --all', /^job-\d+ +SUCCEEDED/m),
  line('run list --ended --selector team=z', /^job-\d+ /m),
  line('run show job', /^policy: +job$/m),
  line('run logs job --tail 1', /^args: one two$/m),
  line('run logs job --since 1h --until 0s --timestamps', /^\d{4}-\S+ +args: one two$/m),
  line('run logs job --offset 6', /^one two$/m),
  line('run logs job --follow', /args: one two/),
  line('run logs fails --all', /^broken$/m),
  line('run logs fails --previous', /^broken$/m),
  line('run logs fails --epoch {failed epoch}', /^broken$/m),
  ...planned('run release fails --reason mended --yes', /fails/),
  line('run release steady --abandon-attempt --reason gone --yes', /STUCK|is not/i, 1),
  line('fence check steady {steady epoch} --run {steady run}', /^current: /),
];

export const RECORDS: readonly Line[] = [
  line(
    'events --about policies/job --since 1h --until 0s --type POLICY_CREATED --limit 3 --columns type --sort type',
    /^TYPE\nPOLICY_CREATED$/m,
  ),
  line('events --for policies/job --limit 2', /job/),
  line('events --because {steady run}', /RUN_CREATED/),
  line('audit list --since 1h --outcome OK --log CHANGES --limit 3 --columns method --sort method', /^METHOD\n/),
  line('audit list --principal nobody', /No entries/),
  line('audit list --method StartPolicy', /StartPolicy/),
  line('audit export --after-changes 1 --after-access 0', /"CHANGES"|changes/i),
  line('audit verify', /./),
  line('audit verify --file {folder}/audit.jsonl --live', /./),
  line('auth whoami', /admin/),
  line('auth can-i policies.run-as --run-as svc', /^yes$/m),
  ...planned('auth role set ops --permission policies.read --permission policies.run-as --run-as svc', /ops/),
  line('auth role list --columns role --sort role', /^ROLE\nadmin/),
  ...planned('auth role delete ops --yes', /ops/),
  ...planned('auth user set bob --role operator', /bob/),
  line('auth user list --columns user --sort user', /bob/),
  ...planned('auth user delete bob --yes', /bob/),
  ...planned('auth token create ann --role viewer --ttl 1h', /./),
  line('auth token list --columns holder --sort holder', /ann/),
  ...planned('auth token revoke {token}', /./),
  line('hook list --columns hook --sort hook', /told/),
  line('hook show told', /told/),
  line('hook test told', /./),
  line('debug bundle {folder}/bundle.tar.gz --since 1h', /bundle/),
  line('snapshot save {folder}/one.snap', /one\.snap/),
  line('snapshot inspect {folder}/one.snap', /complete/i),
  line('snapshot restore {folder}/one.snap --store sqlite:{folder}/restored/store.db', /restored/i),
  line('snapshot restore {folder}/one.snap --config {folder}/restored.yaml', /restored/i),
  line('version', /^locum \d/),
  line('--version', /^\d/),
  line('completion bash', /complete/),
  line('complete-words --new-word server', /^list/m),
];

/** What goes on until it is ended: begun, and ended once it has said this. */
export const FOLLOWED: readonly Line[] = [
  line('server list --watch', /^ +1 +a /m),
  line('pool list --watch', /^default /m),
  line('policy list --watch', /^steady /m),
  line('run list --watch', /^steady-\d+ /m),
  line('events --follow', /RUN_ASSIGNED/),
  line('audit export --follow', /StartPolicy/),
  line('top --interval 1s', /SERVER[\s\S]*SERVER/),
];

/** The server that is dead by then. */
export const DEAD: readonly Line[] = [
  ...planned('server confirm-dead c --reason dead --yes', /c/),
  ...planned('server delete c --etag {etag server show c} --yes', /c/),
];

/** Of all commands, seen with one. */
export const GLOBALS: readonly Line[] = [
  line('server show a --address {address} --timeout 5s --output name --quiet --no-color --no-input', /^servers\/a$/m),
  line('status --insecure-token', /^leader: /m),
  line('server list --template {{name}}', /^servers\/a$/m),
];

/** The lines of the programs themselves, of certificates, contexts and configuration, as program-flags.test.ts types them. */
import { type Line, line, planned } from './flag-lines.ts';

const LOGS = '--log-level info --log-format json';
const LISTENERS = '--api-listen 127.0.0.1:{api} --agent-listen 127.0.0.1:{agents}';
const CONTROLLER = `--config {folder}/{config} --data-dir {folder}/ctl --store sqlite:{folder}/ctl/store.db --id c9 ${LISTENERS} --api-advertise localhost:{api} --agent-advertise localhost:{agents} --election-ttl 5 --tls ${LOGS}`;
const AGENT = `--config {folder}/agent.yaml --server web-9 --pool default --controllers 127.0.0.1:{agents} --state-dir {folder}/web-9 --max-slots 3 --capability site=b --machine-id m9 --vm-generation-file {folder}/vm --tls-dir {folder}/web-9-tls --external-keeper --metrics-listen 127.0.0.1:0 ${LOGS}`;

/** Programs that stay until they are ended, up once they have said this. */
export const CONTROLLER_LINE: Line = line(`controller ${CONTROLLER}`, /"controller is ready"/);
export const OPEN_CONTROLLER: Line = line(
  'controller --open --insecure --adopt-store --data-dir {folder}/adopted --api-listen 127.0.0.1:0 --agent-listen 127.0.0.1:0',
  /controller is ready/,
);
export const KEEPER: Line = line(
  'keeper --state-dir {folder}/web-9 --stay --output-segment-bytes 65536 --output-segments 3 --output-newest 2 --output-policy-bytes 1000000 --output-host-bytes 9000000 --output-age-ms 3600000',
  /./,
);
export const AGENT_LINE: Line = line(`agent ${AGENT}`, /"session opened"/);
export const DEV: Line = line(
  'dev --agents 1 --timers short --controllers 1 --store sqlite --data {folder}/dev --api-port {dev api} --agent-port {dev agents} --no-examples --verbose',
  /Ctrl-C stops everything/,
);

export const ADMINISTRATION: readonly Line[] = [
  line('certificate issue user/ann --data-dir {folder}/ctl --out {folder}/ann --days 3', /ann/),
  line('certificate issue server/web-8 --data-dir {folder}/ctl --out {folder}/web-8 --pool default', /web-8/),
  ...planned('hook forget told --yes', /told/),
  line('token create --for server/web-9 --pool default --ttl 1h', /agent join .*--token \S+ --ca-hash/),
  line('token list --columns for --sort for', /web-9/),
  line('token revoke {join token}', /./),
];

export const CONTEXTS: readonly Line[] = [
  line('context set lab --address 127.0.0.1:{api} --ca-file {folder}/ctl/pki/ca.crt --token {secret} --use', /lab/),
  line('context set lab --unset token', /lab/),
  line('context set lab --token-command {folder}/token.sh', /lab/),
  line(
    'context set other --address 127.0.0.1:1 --tls --cert-file {folder}/ann/tls.crt --key-file {folder}/ann/tls.key',
    /other/,
  ),
  line('context use other', /other/),
  line('context use lab', /lab/),
  line('context list --columns name --sort name', /lab/),
  line('context show lab --effective', /127\.0\.0\.1:{api}|token/),
  line('context delete other', /other/),
  line('pki new-wrapping-key {folder}/wrapping', /wrapping/),
  line(`config print controller ${CONTROLLER} --open --insecure --adopt-store --effective`, /agent_listen/),
  line(`config print agent ${AGENT} --effective`, /tls_directory: \S+web-9-tls/),
  line('config validate {folder}/agent.yaml --for agent', /./),
];

/** With a provider that answers at once. */
export const LOGIN: readonly Line[] = [
  line('context set people --address 127.0.0.1:{api} --ca-file {folder}/ctl/pki/ca.crt', /people/),
  line(
    'login people --issuer {issuer} --client-id locum --scope openid --provider-ca-file {folder}/ctl/pki/ca.crt',
    /Logged in: the context people has it/,
  ),
  line('logout people', /Logged out/),
  line('context delete people', /people/),
];

/** With who calls said in each way that there is. */
export const CALLERS: readonly Line[] = [
  line('status --context lab', /^leader: +c9 /m),
  line('status --ca-file {folder}/ctl/pki/ca.crt --token-file {folder}/ctl/admin.token', /^leader: +c9 /m),
  // A context has a token, which says more than a certificate.
  line('context delete lab', /lab/),
  line('auth whoami --tls-dir {folder}/ann', /ann/),
];

export const HOST: readonly Line[] = [
  line(
    'agent join 127.0.0.1:{api} --token {join secret} --ca-hash {ca hash} --server web-9 --pool default --config {folder}/agent.yaml --state-dir {folder}/web-9 --tls-dir {folder}/web-9-tls',
    /web-9/,
  ),
];
export const ON_THE_HOST: readonly Line[] = [
  line(
    'server show web-9 --ca-file {folder}/ctl/pki/ca.crt --token-file {folder}/ctl/admin.token',
    /0\/3[\s\S]*site +b/,
  ),
  line('agent status --config {folder}/agent.yaml --state-dir {folder}/web-9', /web-9/),
];
export const ROTATION: readonly Line[] = [
  line('pki new-root {folder}/root', /ca\.crt|root/),
  line('pki status', /./),
  ...planned('pki rotate begin --yes', /./),
  ...planned('pki rotate abort --yes', /./),
  // A root whose key nobody has can be trusted, and not sign.
  line('pki rotate begin --certificate {folder}/root/ca.crt --yes', /two roots are trusted/),
  line('pki rotate switch --yes', /AUTHORITY_IN_USE/, 1),
  line('pki rotate abort --yes', /./),
  line('pki rotate begin --yes', /./),
  ...planned('pki rotate switch --force --yes', /./),
  line('pki trust --out {folder}/roots.pem', /roots\.pem trusts/),
  ...planned('pki rotate finish --force --yes', /./),
];
export const LEAVE: readonly Line[] = [
  line('agent leave --config {folder}/agent.yaml --state-dir {folder}/web-9 --within 20s', /The agent has ended/),
];
export const KILL: readonly Line[] = [line('dev kill server-1 --data {folder}/dev', /server-1 is dead/)];

export const PROGRAM_LINES: readonly Line[] = [
  ...[CONTROLLER_LINE, OPEN_CONTROLLER, KEEPER, AGENT_LINE, DEV],
  ...[ADMINISTRATION, CONTEXTS, LOGIN, CALLERS, HOST, ON_THE_HOST, ROTATION, LEAVE, KILL].flat(),
];

#!/usr/bin/env bash
# What `locum` does, by grpcurl and the controllers' own reflection alone: no protos, no code of ours. It prints the API's JSON.
#
#   LOCUM_ADDRESS   host:port of a controller (127.0.0.1:7400)
#   LOCUM_TOKEN     a token, where the controller asks who one is
#   GRPCURL_FLAGS   how it is reached (-plaintext); -cacert ca.crt -cert tls.crt -key tls.key for TLS
#
# Words that begin with a double quote are further fields of the request: '"validate_only":true' is --dry-run, '"filter":["team=a"]' is -l,
# '"apply":"APPLY_MOVE_NOW"' is --apply move-now.
set -euo pipefail

# The verbs are the labels below; what stands behind a label says how it is used.
usage() {
  awk '/^  "[a-z][a-z -]*"\)/ {
    label = $0; sub(/^  "/, "", label); sub(/".*/, "", label)
    note = match($0, / # /) ? substr($0, RSTART + 3) : ""
    print index(note, label) == 1 ? note : label (note == "" ? "" : ": " note)
  }' "$0"
}

address=${LOCUM_ADDRESS:-127.0.0.1:7400}
more=''
words=()
for word in "$@"; do
  case $word in
    '"'*) more=${more:+$more,}$word ;;
    *) words+=("$word") ;;
  esac
done
set -- "${words[@]:-help}"

# call SERVICE/METHOD [FIELDS]: the request comes by standard input, the token by the environment: neither is seen in the list of processes.
call() {
  local fields=${2:-}
  fields=$fields${fields:+${more:+,}}$more
  local -a who=()
  [[ -z ${LOCUM_TOKEN:-} ]] || who=(-expand-headers -H 'authorization: Bearer ${LOCUM_TOKEN}')
  # shellcheck disable=SC2086
  grpcurl ${GRPCURL_FLAGS:--plaintext} "${who[@]}" -max-msg-sz 8388608 -d @ "$address" "locum.v1.$1" <<<"{$fields}"
}

# A text as JSON.
text() {
  local value=${1//\\/\\\\}
  value=${value//\"/\\\"}
  printf '"%s"' "${value//$'\n'/\\n}"
}
# A name with its collection: `web-1` is "servers/web-1".
named() {
  case $2 in "$1"/*) text "$2" ;; *) text "$1/$2" ;; esac
}
# named COLLECTION NAME...: a list of them.
names() {
  local collection=$1 list=''
  shift
  for name in "$@"; do list=${list:+$list,}$(named "$collection" "$name"); done
  printf '[%s]' "$list"
}
texts() {
  local list=''
  for one in "$@"; do list=${list:+$list,}$(text "$one"); done
  printf '[%s]' "$list"
}
server() { printf '"name":%s' "$(named servers "$1")"; }
policy() { printf '"name":%s' "$(named policies "$1")"; }
pool() { printf '"name":%s' "$(named pools "${1:-default}")"; }
# The first value of a field in an answer.
value() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}$/\1/p" | sed -n 1p; }

# A run by its own name, or the newest of a policy.
run() {
  local id=${1#runs/}
  if ! more='' call RunService/GetRun "\"name\":$(named runs "$id")" >/dev/null 2>&1; then
    id=$(more='' call RunService/ListRuns "\"policy\":$(named policies "$1"),\"include_ended\":true,\"page_size\":1" | value name)
    [[ -n $id ]] || { echo "there is no run of $1" >&2; exit 3; }
  fi
  printf '"name":%s' "$(named runs "${id#runs/}")"
}

# until_shown SECONDS PATTERN METHOD FIELDS: asks again until the answer has the pattern.
until_shown() {
  local end=$((SECONDS + $1)) pattern=$2
  shift 2
  until more='' call "$@" 2>&1 | grep -Eq -- "$pattern"; do
    ((SECONDS < end)) || { echo 'not in time' >&2; exit 124; }
    sleep 0.3
  done
}
# Nothing has the pattern any more.
until_gone() {
  local end=$((SECONDS + $1)) pattern=$2
  shift 2
  while more='' call "$@" 2>&1 | grep -Eq -- "$pattern"; do
    ((SECONDS < end)) || { echo 'not in time' >&2; exit 124; }
    sleep 0.3
  done
}
PATIENCE=${PATIENCE:-300}

# Bytes come as base64, in pieces.
bytes() { sed -n 's/^ *"data": "\([^"]*\)".*$/\1/p' | while read -r piece; do base64 -d <<<"$piece"; done; }

# Epochs of attempts on a server that have not ended.
unended() {
  more='' call RunService/ListRuns "\"server\":$(named servers "$1"),\"page_size\":1000" | awk -v server="servers/$1" '
    function judge() { if (epoch != "" && on == server && state != "ATTEMPT_STATE_ENDED") list = list (list == "" ? "" : ",") epoch; epoch = "" }
    { gsub(/[",]/, "") }
    $1 == "epoch:" { judge(); epoch = $2; on = ""; state = "" }
    $1 == "server:" && epoch != "" && on == "" { on = $2 }
    $1 == "state:" && epoch != "" && state == "" { state = $2 }
    END { judge(); print list }'
}

each() { # each METHOD COLLECTION NAME...
  local method=$1 collection=$2
  shift 2
  for name in "$@"; do call "$method" "\"name\":$(named "$collection" "$name")"; done
}

grants() {
  local list=''
  for role in "$@"; do list=${list:+$list,}"{\"role\":$(text "$role")}"; done
  printf '[%s]' "$list"
}

noun=$1
shift
verb="$noun ${1:-}"
case $noun in
  status | controllers | help | proceed | transfer-leadership) verb=$noun ;;
  events) [[ ${1:-} == --follow ]] || verb=$noun ;;
  plan) [[ ${1:-} == order || ${1:-} == limit ]] || verb=$noun ;;
  auth | pki) [[ ! ${1:-} =~ ^(token|role|user|rotate)$ ]] || { verb="$verb ${2:-}"; shift; } ;;
esac
[[ $verb == "$noun" || $# == 0 ]] || shift

case $verb in
  "help") usage ;;
  "status") call ClusterService/GetStatus ;;
  "controllers") call ClusterService/ListControllers ;;
  "plan") call ClusterService/SimulateFailure "\"servers\":$(names servers "$@")" ;;
  "plan order") call PoolService/SetServerOrder "\"pool\":\"pools/${POOL:-default}\",\"servers\":$(names servers "$@"),\"validate_only\":true" ;;
  "plan limit") call ServerService/UpdateServer "\"server\":{$(server "$1"),\"max_slots\":$2},\"update_mask\":{\"paths\":[\"max_slots\"]},\"validate_only\":true" ;;
  "proceed") call ClusterService/ProceedTakeovers "\"pool\":$(named pools "${1:-default}")" ;;
  "transfer-leadership") call ClusterService/TransferLeadership "${1:+\"controller\":$(named controllers "$1")}" ;;
  "events") call EventService/ListEvents ;;
  "events --follow") call EventService/WatchEvents ;;

  "server list") call ServerService/ListServers ;;
  "server watch") call ServerService/WatchServers ;;
  "server show") call ServerService/GetServer "$(server "$1")" ;;
  "server capabilities") call ServerService/ListCapabilities ;;
  "server order")
    if (($# == 0)); then call PoolService/GetServerOrder "\"pool\":\"pools/${POOL:-default}\""
    else call PoolService/SetServerOrder "\"pool\":\"pools/${POOL:-default}\",\"servers\":$(names servers "$@")"; fi ;;
  "server promote") call ServerService/PromoteServer "$(server "$1")" ;;
  "server demote") call ServerService/DemoteServer "$(server "$1")" ;;
  "server make-primary") call ServerService/MakePrimary "$(server "$1")" ;;
  "server move") # server move NAME RANK, server move NAME before|after OTHER
    if [[ $2 =~ ^[0-9]+$ ]]; then call ServerService/MoveServer "$(server "$1"),\"rank\":$2"
    else call ServerService/MoveServer "$(server "$1"),\"$2\":$(named servers "$3")"; fi ;;
  "server limit") # server limit NAME SLOTS|default
    limit=''
    [[ $2 == default ]] || limit=",\"max_slots\":$2"
    call ServerService/UpdateServer "\"server\":{$(server "$1")$limit},\"update_mask\":{\"paths\":[\"max_slots\"]}" ;;
  "server cordon") call ServerService/CordonServer "$(server "$1")" ;;
  "server uncordon") call ServerService/UncordonServer "$(server "$1")" ;;
  "server drain") call ServerService/DrainServer "$(server "$1")" ;;
  "server confirm-dead") # server confirm-dead NAME REASON
    shown=$(more='' call ServerService/GetServer "$(server "$1")")
    call ServerService/ConfirmServerDead "$(server "$1"),\"uid\":\"$(value uid <<<"$shown")\",\"boot_id\":\"$(value bootId <<<"$shown")\",\"epochs\":[$(unended "${1#servers/}")],\"reason\":$(text "$2")" ;;
  "server delete") call ServerService/DeleteServer "$(server "$1")" ;;
  "server revoke") call EnrolmentService/RevokeServer "\"server\":$(named servers "$1"),\"reason\":$(text "${2:-}")" ;;
  "server revoked") call EnrolmentService/ListRevocations ;;
  "server wait") # server wait NAME alive|suspect|missing|left|available|drained|gone
    case $2 in
      gone) until_shown "$PATIENCE" 'Code: NotFound' ServerService/GetServer "$(server "$1")" ;;
      available) until_shown "$PATIENCE" '"available": true' ServerService/GetServer "$(server "$1")" ;;
      drained) until_shown "$PATIENCE" '"done": true' ServerService/GetServer "$(server "$1")" ;;
      *) until_shown "$PATIENCE" "\"liveness\": \"LIVENESS_${2^^}\"" ServerService/GetServer "$(server "$1")" ;;
    esac ;;

  "pool list") call PoolService/ListPools ;;
  "pool show") call PoolService/GetPool "$(pool "${1:-}")" ;;
  "pool create") call PoolService/CreatePool "\"pool\":{$(pool "$1")}" ;;
  "pool set") # pool set NAME FIELD VALUE, as in: pool set default default_max_slots 60
    call PoolService/UpdatePool "\"pool\":{$(pool "$1"),\"$2\":$3},\"update_mask\":{\"paths\":[\"$2\"]}" ;;
  "pool delete") call PoolService/DeletePool "$(pool "$1")" ;;

  "policy apply") # policy apply FILE: JSON, as "policy show" prints it
    call PolicyService/UpdatePolicy "\"policy\":$(cat -- "$1"),\"allow_missing\":true" ;;
  "policy diff") call PolicyService/UpdatePolicy "\"policy\":$(cat -- "$1"),\"allow_missing\":true,\"validate_only\":true" ;;
  "policy edit")
    file=$(mktemp)
    more='' call PolicyService/GetPolicy "$(policy "$1")" >"$file"
    # Either may have arguments of its own.
    # shellcheck disable=SC2086
    ${VISUAL:-${EDITOR:-vi}} "$file"
    # The answer has the policy as the field that the request wants.
    call PolicyService/UpdatePolicy "$(sed '1s/^{//; $s/}$//' "$file")"
    rm -- "$file" ;;
  "policy list") call PolicyService/ListPolicies ;;
  "policy watch") call PolicyService/WatchPolicies ;;
  "policy show") each PolicyService/GetPolicy policies "$@" ;;
  "policy explain") call PolicyService/ExplainPlacement "$(policy "$1")" ;;
  "policy start") # policy start NAME [ARGUMENT...]
    name=$1
    shift
    call PolicyService/StartPolicy "$(policy "$name"),\"arguments\":$(texts "$@")" ;;
  "policy stop") each PolicyService/StopPolicy policies "$@" ;;
  "policy restart") each PolicyService/RestartPolicy policies "$@" ;;
  "policy pause") each PolicyService/PausePolicy policies "$@" ;;
  "policy resume") each PolicyService/ResumePolicy policies "$@" ;;
  "policy rename") # policy rename OLD NEW: nothing of it runs in between
    more='' call PolicyService/StopPolicy "$(policy "$1")" >/dev/null
    until_gone "$PATIENCE" '"runs/' RunService/ListRuns "\"policy\":$(named policies "$1")"
    old=$(more='' call PolicyService/GetPolicy "$(policy "$1")" | sed '1s/^{//; $s/}$//')
    call PolicyService/CreatePolicy "$(sed "s|^    \"name\": .*|    \"name\": $(named policies "$2"),|; /^    \"paused\"/d" <<<"$old")"
    more='' call PolicyService/DeletePolicy "$(policy "$1")" >/dev/null ;;
  "policy delete") each PolicyService/DeletePolicy policies "$@" ;;
  "policy wait") # policy wait NAME running|idle
    of="\"policy\":$(named policies "$1")"
    if [[ $2 == running ]]; then until_shown "$PATIENCE" '"state": "RUN_STATE_RUNNING"' RunService/ListRuns "$of"
    else until_gone "$PATIENCE" '"runs/' RunService/ListRuns "$of"; fi ;;

  "run list") call RunService/ListRuns ;;
  "run watch") call RunService/WatchRuns ;;
  "run show") call RunService/GetRun "$(run "$1")" ;;
  "run logs") call RunService/StreamOutput "$(run "$1")" | bytes ;; # "follow":true goes on
  "run move") call RunService/MoveRun "$(run "$1")${2:+,\"server\":$(named servers "$2")}" ;;
  "run stop") call RunService/StopRun "$(run "$1")" ;;
  "run release") call RunService/ReleaseRun "$(run "$1")" ;;
  "run wait") # run wait NAME running|succeeded|failed|stopped|ended
    state=${2^^}
    [[ $state != ENDED ]] || state='(SUCCEEDED|FAILED|STOPPED)'
    until_shown "$PATIENCE" "^    \"state\": \"RUN_STATE_$state\"" RunService/GetRun "$(run "$1")" ;;

  "audit list") call AuditService/ListAuditEntries ;;
  "audit export") call AuditService/WatchAudit ;;
  "hook list") call HookService/ListHooks ;;
  "hook show") call HookService/GetHook "\"name\":$(named hooks "$1")" ;;
  "hook test") call HookService/TestHook "\"name\":$(named hooks "$1")" ;;
  "hook forget") each HookService/ForgetHook hooks "$@" ;;
  "fence check") call FenceService/CheckFence "\"policy\":$(named policies "$1"),\"epoch\":$2" ;;
  "snapshot save") call ClusterService/SaveSnapshot | bytes >"$1" ;;
  "debug diagnostics") call ClusterService/GetDiagnostics ;;

  "auth whoami") call AccessService/WhoAmI ;;
  "auth can-i") call AccessService/CheckAccess "\"permission\":$(text "$1"),\"resource\":$(text "${2:-}")" ;;
  "auth token create") # auth token create HOLDER ROLE...
    holder=$1
    shift
    call AccessService/CreateToken "\"holder\":$(text "$holder"),\"roles\":$(grants "$@")" ;;
  "auth token list") call AccessService/ListTokens ;;
  "auth token revoke") each AccessService/RevokeToken tokens "$@" ;;
  "auth role list") call AccessService/ListRoles ;;
  "auth role set") # auth role set NAME PERMISSION...
    role=$1
    shift
    call AccessService/SetRole "\"role\":{\"name\":$(named roles "$role"),\"permissions\":$(texts "$@")}" ;;
  "auth role delete") each AccessService/DeleteRole roles "$@" ;;
  "auth user list") call AccessService/ListUsers ;;
  "auth user set") # auth user set NAME ROLE...
    user=$1
    shift
    call AccessService/SetUser "\"user\":{\"name\":$(named users "$user"),\"roles\":$(grants "$@")}" ;;
  "auth user delete") each AccessService/DeleteUser users "$@" ;;
  "pki status") call EnrolmentService/GetAuthority ;;
  "pki rotate begin") # makes a root, or takes that of a FILE (PEM)
    call EnrolmentService/RotateAuthority "\"step\":\"AUTHORITY_STEP_BEGIN\"${1:+,\"certificate\":$(text "$(cat -- "$1")")}" ;;
  "pki rotate switch") call EnrolmentService/RotateAuthority '"step":"AUTHORITY_STEP_SWITCH"' ;;
  "pki rotate finish") call EnrolmentService/RotateAuthority '"step":"AUTHORITY_STEP_FINISH"' ;;
  "pki rotate abort") call EnrolmentService/RotateAuthority '"step":"AUTHORITY_STEP_ABORT"' ;;
  "pki trust") # pki trust FILE: it may be the one by which the controller is known, so the answer comes first
    roots=$(more='' call EnrolmentService/GetRoots | value roots)
    printf '%b' "$roots" >"$1" ;;
  "token create") call EnrolmentService/CreateJoinToken "${1:+\"server\":$(named servers "$1")}" ;;
  "token list") call EnrolmentService/ListJoinTokens ;;
  "token revoke") each EnrolmentService/RevokeJoinToken joinTokens "$@" ;;
  *)
    usage >&2
    exit 1 ;;
esac

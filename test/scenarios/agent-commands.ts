/** Commands about agents and their hosts. */

import { present } from '../../shared/assert.ts';
import { HOST_PROBLEM_KINDS, type HostProblem } from '../../shared/host-problem.ts';
import { epoch, policyId, runId } from '../../shared/ids.ts';
import type { HeldCertificate } from '../../shared/protocol/agent-message.ts';
import type { ReportedAttempt } from '../../shared/protocol/attempt.ts';
import type { Capability, ProbeFailure } from '../../shared/protocol/capability.ts';
import type { StartAnswer } from '../controller/core/world/agent-facts.ts';
import type { ModelAgent } from '../controller/core/world/model-agent.ts';
import { isAlive, type ModelAttempt } from '../controller/core/world/model-attempt.ts';
import { START_WALL } from '../controller/core/world/model-time.ts';
import type { Stage } from './stage.ts';
import { durationOf, listOf, oneOf, type Words } from './words.ts';

export type Command = (stage: Stage, words: Words) => void;

function agentOf(stage: Stage, { plain }: Words): ModelAgent {
  return present(stage.world.agents.get(plain[1] ?? ''), `agent ${plain[1]} was told hello before`);
}

const capabilitiesOf = (text: string | undefined): readonly Capability[] =>
  listOf(text).map((one) => {
    const [name = '', value = ''] = one.split(':');
    return { name, value, source: 'CONFIG' };
  });

/** `licence:exited-with-1`, or `none`. */
const probesOf = (text: string | undefined): readonly ProbeFailure[] =>
  listOf(text === 'none' ? '' : text).map((one) => {
    const [probe = '', detail = ''] = one.split(':');
    return { probe, detail };
  });

/** `NO_SPACE:/var,READ_ONLY`, or `none`. */
const problemsOf = (text: string | undefined): readonly HostProblem[] =>
  listOf(text === 'none' ? '' : text).map((one) => {
    const [kind = '', detail = ''] = one.split(':');
    return { kind: oneOf(kind, HOST_PROBLEM_KINDS), detail };
  });

/** `hello web-1 pool= caps=os:linux,gpu limit=3 problems=none instance= machine= boot= uptime=5s term= epoch= cluster= certified=10s until=20h inventory=none` */
const hello: Command = (stage, words) => {
  const { named } = words;
  const agent = stage.world.agent(words.plain[1] ?? '');
  const { facts } = agent;
  facts.pool = named.get('pool') ?? facts.pool;
  if (named.has('caps')) facts.capabilities = capabilitiesOf(named.get('caps'));
  if (named.has('limit')) facts.maxSlots = Number(named.get('limit'));
  if (named.has('problems')) facts.hostProblems = problemsOf(named.get('problems'));
  facts.instanceId = named.get('instance') ?? facts.instanceId;
  facts.machineId = named.get('machine') ?? facts.machineId;
  facts.bootId = named.get('boot') ?? facts.bootId;
  facts.clusterId = named.get('cluster') ?? facts.clusterId;
  facts.highestTerm = Number(named.get('term') ?? facts.highestTerm);
  facts.highestEpoch = Number(named.get('epoch') ?? facts.highestEpoch);
  if (named.has('certified')) facts.certifiedWall = START_WALL + durationOf(named.get('certified') ?? '0');
  if (named.has('until')) facts.certifiedUntilWall = START_WALL + durationOf(named.get('until') ?? '0');
  if (named.has('uptime')) facts.bootMono = stage.world.now.mono - durationOf(named.get('uptime') ?? '0');
  agent.onClosed = (reason) => stage.print(`${agent.server} lost its stream: ${reason}`);
  stage.world.cut.delete(agent);
  if (named.has('inventory')) agent.hello(inventoryOf(named.get('inventory')));
  else agent.hello();
};

/** `late-hello web-1 inventory=none`: it was sent on a stream that the agent has given up since. */
const lateHello: Command = (stage, words) => {
  agentOf(stage, words).lateHello(inventoryOf(words.named.get('inventory')));
};

/** `x-1/3:RUNNING,y-2/4:ENDED`, or `none`. */
function inventoryOf(text: string | undefined): readonly ReportedAttempt[] {
  return listOf(text === 'none' ? '' : text).map((one) => {
    const match = present(/^(.+)\/(\d+):(\w+)$/.exec(one), `${one} is run/epoch:STATE`);
    const state = oneOf(match[3] ?? '', ['STARTING', 'RUNNING', 'STOPPING', 'STUCK', 'ENDED']);
    const run = runId(match[1] ?? '');
    const ended = { cause: 'EXITED', exitCode: 0, signal: '', detail: '' } as const;
    const end = state === 'ENDED' ? ended : undefined;
    const policy = policyId(run.replace(/-\d+$/, ''));
    return {
      run,
      policy,
      epoch: epoch(Number(match[2])),
      state,
      pid: 0,
      startWall: undefined,
      endWall: undefined,
      end,
    };
  });
}

/** `starts web-1 applied|slow|lost`, `starts web-1 REFUSED RESOURCE_EXHAUSTED`, `starts web-1 REFUSED NO_SPACE host`, `starts web-1 EXPIRED TOO_LATE` */
const starts: Command = (stage, words) => {
  const agent = agentOf(stage, words);
  const [, , how = '', reason = '', whose = ''] = words.plain;
  agent.startAnswer = startAnswerOf(how, reason, whose);
};

function startAnswerOf(how: string, reason: string, whose: string): StartAnswer {
  if (how === 'applied' || how === 'slow' || how === 'lost') return { kind: how };
  const hostProblem = whose === 'host' ? oneOf(reason, HOST_PROBLEM_KINDS) : undefined;
  return { kind: 'refused', outcome: oneOf(how, ['REFUSED', 'EXPIRED', 'STALE']), reason, hostProblem };
}

/** `dies web-1 3s`: from SIGTERM to the end; `dies web-1 never`: its trees can't be killed. */
const dies: Command = (stage, words) => {
  const how = words.plain[2] ?? '';
  const ms = how === 'never' ? Number.POSITIVE_INFINITY : durationOf(how);
  agentOf(stage, words).dieMs = () => ms;
};

/** `exit sync-1 code=1`; `exit sync-1 out-of-memory` */
const exit: Command = (stage, { plain, named }) => {
  const found = attemptsOf(stage, plain[1] ?? '').at(-1);
  const { agent, attempt } = present(found, `${plain[1]} is alive somewhere`);
  if (plain[2] === 'out-of-memory') return agent.end(attempt, 'OUT_OF_MEMORY');
  agent.exit(attempt, Number(named.get('code') ?? 0));
};

/** What its checks say from now on: `health sync-1 unhealthy`, `health sync-1 healthy` */
const health: Command = (stage, { plain }) => {
  const found = attemptsOf(stage, plain[1] ?? '').at(-1);
  const { agent, attempt } = present(found, `${plain[1]} is alive somewhere`);
  const state = oneOf((plain[2] ?? '').toUpperCase(), ['HEALTHY', 'UNHEALTHY']);
  attempt.health = { state, detail: state === 'HEALTHY' ? '' : 'nobody answers' };
  agent.report(attempt);
};

function attemptsOf(stage: Stage, run: string): readonly { agent: ModelAgent; attempt: ModelAttempt }[] {
  return [...stage.world.agents.values()].flatMap((agent) =>
    [...agent.attempts.values()]
      .filter((attempt) => attempt.run === run && isAlive(attempt))
      .map((attempt) => ({ agent, attempt })),
  );
}

/** What is alive, seen from the hosts. */
const alive: Command = (stage) => {
  const found = [...stage.world.agents.values()].flatMap((agent) =>
    [...agent.attempts.values()].filter(isAlive).map(({ run, epoch: number }) => `${run}/${number} on ${agent.server}`),
  );
  stage.print(found.length === 0 ? 'nothing is alive' : `alive: ${found.join(', ')}`);
};

/** `0s:30h:why-not`: from when, until when, and why it was not renewed, if that was tried. */
function certificateOf(text = ''): HeldCertificate {
  const [from = '0', until = '0', renewalProblem = ''] = text.split(':');
  return { notBeforeWall: START_WALL + durationOf(from), notAfterWall: START_WALL + durationOf(until), renewalProblem };
}

/** New facts of a host, told with a heartbeat of their own: `facts web-1 caps=os:linux probes=licence:late limit=2 load=saturated certificate=0s:30h:why-not` */
const facts: Command = (stage, words) => {
  const agent = agentOf(stage, words);
  const { named } = words;
  if (named.has('caps')) agent.facts.capabilities = capabilitiesOf(named.get('caps'));
  if (named.has('limit')) agent.facts.maxSlots = Number(named.get('limit'));
  if (named.has('probes')) agent.facts.probeFailures = probesOf(named.get('probes'));
  if (named.has('problems')) agent.facts.hostProblems = problemsOf(named.get('problems'));
  if (named.has('certificate')) agent.facts.certificate = certificateOf(named.get('certificate'));
  if (named.has('load')) agent.facts.saturated = named.get('load') === 'saturated';
  agent.beat('changes');
};

/** A full state that was made when it held an older generation: `old-state web-1 generation=1 inventory=none` */
const oldState: Command = (stage, words) => {
  const { named } = words;
  agentOf(stage, words).fullState(inventoryOf(named.get('inventory')), Number(named.get('generation')));
};

const onAgent =
  (act: (agent: ModelAgent, stage: Stage, words: Words) => void): Command =>
  (stage, words) =>
    act(agentOf(stage, words), stage, words);

export const agentCommands: Readonly<Record<string, Command>> = {
  hello,
  'late-hello': lateHello,
  starts,
  dies,
  exit,
  health,
  alive,
  facts,
  'old-state': oldState,
  /** Its heartbeats stop; its stream stays open. */
  silent: onAgent((agent) => {
    agent.beats = false;
  }),
  beats: onAgent((agent) => {
    agent.beats = true;
  }),
  /** One heartbeat now. */
  beat: onAgent((agent) => agent.beat()),
  /** Nothing arrives any more, either way. */
  cut: onAgent((agent, stage) => void stage.world.cut.add(agent)),
  /** What it says arrives again, on the old stream. */
  heal: onAgent((agent, stage) => void stage.world.cut.delete(agent)),
  close: onAgent((agent) => agent.hangUp()),
  /** The host loses its power. */
  'power-off': onAgent((agent, stage) => {
    stage.world.cut.add(agent);
    agent.powerOff();
  }),
  /** Its processes end, and the ends are told or not. */
  goodbye: onAgent((agent, _stage, { named }) => agent.goodbye(named.get('ended') === 'none' ? 'none' : 'all')),
};

/** The only performer of the agent core's effects. It has no choices: it does what it is told, in order, and answers with events. */
import { unreachable } from '../shared/assert.ts';
import { agentMessageToProto } from '../shared/codec/agent-message.ts';
import type { Logger } from '../shared/log.ts';
import type { Connection } from './connection.ts';
import type { Effect } from './core/effect.ts';
import type { Event } from './core/event.ts';
import type { HealthChecker } from './health/health-checker.ts';
import type { KeeperLink } from './keeper-link/keeper-link.ts';

export interface EffectTools {
  readonly connection: Connection;
  readonly keeper: KeeperLink;
  readonly health: HealthChecker;
  /** Answers with an event. */
  readonly renewCertificate: (endpoint: string) => void;
  readonly log: Logger;
  /** Counts at once, and is made durable beside that; starts that follow wait for it. */
  readonly saveIdentity: (given: Omit<Extract<Effect, { kind: 'save_identity' }>, 'kind'>) => void;
  /** What belongs to the cluster that was left is blanked; durable before the agent has closed. */
  readonly forgetCluster: () => void;
  /** Ends the agent. */
  readonly exit: (reason: string) => void;
}

/** The loop sees to the wake-ups. */
export type Performed = Exclude<Effect, { kind: 'wake' }>;

/** What is known at once; everything else comes as an event later. */
export function performEffect(effect: Performed, tools: EffectTools): readonly Event[] {
  const { connection, keeper, log } = tools;
  switch (effect.kind) {
    case 'open_keeper':
      keeper.open(effect.mayStart);
      return [];
    case 'ask_keeper':
      keeper.ask(effect.request, effect.ask);
      return [];
    case 'kill_trees':
      keeper.killTrees(effect.trees);
      return [];
    case 'dial':
      connection.dial(effect.stream, effect.endpoint, effect.limitMs);
      return [];
    case 'check':
      tools.health.check(effect);
      return [];
    case 'renew_certificate':
      tools.renewCertificate(effect.endpoint);
      return [];
    case 'send': {
      const { stream, message } = effect;
      const takesMore = connection.send(stream, agentMessageToProto(message));
      return takesMore ? [] : [{ kind: 'writable', stream, writable: false }];
    }
    case 'close_stream':
      if (effect.flush) connection.end(effect.stream);
      else connection.drop(effect.stream);
      return [];
    case 'save_identity': {
      const { uid, clusterId, highestTerm } = effect;
      tools.saveIdentity({ uid, clusterId, highestTerm });
      return [];
    }
    case 'forget_cluster':
      tools.forgetCluster();
      return [];
    case 'log':
      log[effect.level](effect.fields, effect.text);
      return [];
    case 'exit':
      tools.exit(effect.reason);
      return [];
    default:
      return unreachable(effect);
  }
}

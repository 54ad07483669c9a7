/**
 * People and programs who may not do what they call for: a viewer, an operator of another pool, somebody whose roles were taken away since. What
 * they ask for is refused and changes nothing, also when it repeats a call that was carried out when they still might.
 */
import type { Call, CallResult, Warrant } from '../../../controller/core/cluster/event.ts';
import type { RoleGrant } from '../../../shared/access/principal.ts';
import type { ErrorReason } from '../../../shared/errors.ts';
import { Prng } from '../../../shared/prng.ts';
import { SECOND } from '../../../shared/time.ts';
import type { World } from '../world.ts';

const EVERY_MS = 12 * SECOND;
/** Nobody got as far as judging it. */
const UNHEARD: ReadonlySet<ErrorReason> = new Set<ErrorReason>([
  ...(['NOT_LEADER', 'OUTCOME_UNKNOWN', 'STORE_FULL', 'STORE_UNAVAILABLE', 'OVERLOADED'] as const),
]);
const TOO_LITTLE: readonly (readonly RoleGrant[])[] = [
  [],
  [{ role: 'viewer' }],
  [{ role: 'taken-away' }],
  [{ role: 'operator', pools: ['elsewhere'] }],
  [{ role: 'admin', pools: ['elsewhere'] }, { role: 'viewer' }],
];

interface Asked {
  readonly request: Call;
  readonly permission: Warrant['permission'];
  /** Of a call that was carried out for him before. Undefined: it is a new one. */
  readonly requestId?: string;
}

export class Callers {
  readonly #world: World;
  readonly #random: Prng;
  #calls = 0;

  constructor(world: World) {
    this.#world = world;
    this.#random = new Prng(world.plan.seed + 9_000_011);
  }

  begin(): void {
    this.#world.queue.after(-Math.log(1 - this.#random.float()) * EVERY_MS, () => {
      this.#call();
      this.begin();
    });
  }

  #call(): void {
    const controller = this.#random.pick(this.#world.controllers.filter(({ leads }) => leads !== undefined));
    const asked = this.#idea();
    const roles = this.#random.pick(TOO_LITTLE);
    if (controller === undefined || asked === undefined || roles === undefined) return;
    this.#calls += 1;
    const { request, permission, requestId = `denied-${this.#calls}` } = asked;
    // Who repeats a call is the one who made it; only what he has is less by now.
    const actor = 'operator:sim';
    const origin = { method: request.kind, source: 'sim' };
    const warrant: Warrant = { principal: { kind: 'user', roles }, permission };
    const call = {
      actor,
      origin,
      warrant,
      requestId,
      fingerprint: JSON.stringify(request),
      validateOnly: false,
      request,
    };
    controller.call(call, (result) => {
      if (!result.ok && result.error.reason === 'PERMISSION_DENIED') controller.door?.denied(call);
      this.#judge(call.requestId, request, result);
    });
  }

  #judge(id: string, request: Call, result: CallResult): void {
    if (!result.ok && (result.error.reason === 'PERMISSION_DENIED' || UNHEARD.has(result.error.reason))) return;
    const { verdict, queue } = this.#world;
    const what = result.ok ? 'is done' : `is answered ${result.error.reason}`;
    verdict.breaks('IDENTITY', queue.now, `${request.kind} (${id}) of somebody who may not ${what}`);
  }

  #idea(): Asked | undefined {
    const state = this.#world.leader()?.term.core.state;
    const server = this.#random.pick([...(state?.servers.keys() ?? [])]);
    const policy = this.#random.pick([...(state?.policies.keys() ?? [])]);
    if (server === undefined || policy === undefined) return undefined;
    const repeated = this.#random.pick(this.#world.operators.acknowledged.slice(-20));
    if (repeated?.request.kind === 'update_policy' && this.#random.chance(0.5)) {
      const { request, requestId } = repeated;
      return { request, permission: 'policies.write', requestId };
    }
    return this.#random.pick<Asked>([
      { request: { kind: 'cordon_server', server }, permission: 'servers.operate' },
      { request: { kind: 'stop_policy', policy }, permission: 'policies.operate' },
      { request: { kind: 'delete_policy', policy, etag: '' }, permission: 'policies.write' },
      { request: { kind: 'revoke_server', server, reason: 'a stranger says so' }, permission: 'enrolment.write' },
      { request: { kind: 'set_user', name: 'me', roles: [{ role: 'admin' }] }, permission: 'access.write' },
    ]);
  }
}

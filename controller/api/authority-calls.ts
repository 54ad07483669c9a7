/** The calls of the enrolment service about the authority itself. */
import type { ServiceImpl } from '@connectrpc/connect';
import { requiredWord } from '../../shared/codec/required.ts';
import { invalidField, LocumError } from '../../shared/errors.ts';
import { type EnrolmentService, RotateAuthorityRequestSchema } from '../../shared/gen/locum/v1/enrolment_service_pb.ts';
import { AuthorityError } from '../../shared/pki/authority.ts';
import type { AuthorityPort } from '../access/authority-port.ts';
import { rootOf } from '../access/key-ring.ts';
import { authorityToProto, laggardToProto, stepWords } from '../codec/authority.ts';
import type { Call } from '../core/cluster/event.ts';
import type { AuthorityRecord, AuthorityRoot } from '../core/records/authority.ts';
import { readiness } from '../core/servers/authority.ts';
import { type ApiContext, planOf, submit } from './api-context.ts';

type Service = ServiceImpl<typeof EnrolmentService>;

const LISTED = 1_000;

export function authorityCalls(api: ApiContext): Pick<Service, 'getAuthority' | 'rotateAuthority'> {
  return {
    async getAuthority() {
      const port = portOf(api);
      const controllers = await port.controllers();
      return api.leaderTerm().read((state) => {
        const record = state.authority ?? port.holder.record;
        const { behind, ready } = readiness(state, record, controllers);
        const shown = behind.slice(0, LISTED).map(laggardToProto);
        return { authority: authorityToProto(record), behind: shown, readyCount: ready };
      });
    },

    async rotateAuthority(message, context) {
      const port = portOf(api);
      const step = requiredWord(stepWords, message.step, 'step');
      if (message.certificate !== '' && step !== 'BEGIN')
        throw invalidField('certificate', 'goes with the step BEGIN only');
      const now = await api.leaderTerm().read((state) => state.authority ?? port.holder.record);
      const begun = step === 'BEGIN' && now.phase === 'STEADY' ? await begin(port, now, message) : {};
      const request: Call = {
        ...{ kind: 'rotate_authority', step, force: message.force, present: now.roots[0], endorsements: '' },
        ...begun,
        controllers: await port.controllers(),
      };
      const submission = { schema: RotateAuthorityRequestSchema, message, context };
      const value = await submit(api, submission, request, 'authority');
      await port.follow();
      const { authority, behind } = value;
      return { authority: authorityToProto(authority), behind: behind.map(laggardToProto), ...planOf(value) };
    },
  };
}

/** Makes the new root, or takes the one that is given. What is only tried makes none. */
async function begin(
  { holder, isAlone }: AuthorityPort,
  { roots }: AuthorityRecord,
  { certificate, validateOnly }: { readonly certificate: string; readonly validateOnly: boolean },
): Promise<{ readonly next?: AuthorityRoot; readonly endorsements?: string }> {
  try {
    if (certificate === '' && validateOnly) return {};
    const nowMs = Date.now();
    const next = certificate === '' ? await holder.ring.make(isAlone, nowMs) : rootOf(certificate);
    if (next.hash === roots[0].hash) throw invalidField('certificate', 'is that of the root that signs already');
    if (next.expireWall <= nowMs) throw invalidField('certificate', 'is over already');
    return { next, endorsements: await holder.endorsements(next, nowMs) };
  } catch (error) {
    if (error instanceof AuthorityError) throw invalidField('certificate', error.message);
    throw error;
  }
}

function portOf({ authority }: ApiContext): AuthorityPort {
  if (authority !== undefined) return authority;
  throw new LocumError('NO_AUTHORITY', 'this cluster has no certificates: its controllers speak plaintext');
}

/** The calls of the enrolment service that take certificates back. */
import type { ServiceImpl } from '@connectrpc/connect';
import { type EnrolmentService, RevokeServerRequestSchema } from '../../shared/gen/locum/v1/enrolment_service_pb.ts';
import { RevocationSchema } from '../../shared/gen/locum/v1/revocation_pb.ts';
import { revocationToProto } from '../codec/revocation.ts';
import type { Call } from '../core/cluster/event.ts';
import { type ApiContext, submit } from './api-context.ts';
import { pageOf } from './page.ts';
import { serverIdOf } from './resource-id.ts';

type Service = ServiceImpl<typeof EnrolmentService>;

export function revocationCalls(api: ApiContext): Pick<Service, 'revokeServer' | 'listRevocations'> {
  return {
    async revokeServer(message, context) {
      const { reason } = message;
      const request: Call = { kind: 'revoke_server', server: serverIdOf(message.server, 'server'), reason };
      const submission = { schema: RevokeServerRequestSchema, message, context };
      const { revocation } = await submit(api, submission, request, 'revocation');
      return { revocation: revocationToProto(revocation) };
    },

    async listRevocations(request) {
      return api.leaderTerm().read((state) => {
        const revocations = [...state.revocations.values()].sort((a, b) => (a.server < b.server ? -1 : 1));
        const { shown, nextPageToken } = pageOf(revocations, request, {
          question: ['ListRevocations'],
          cursorOf: ({ server }) => server,
          indexAfter: (all, cursor) => {
            const index = all.findIndex(({ server }) => server > cursor);
            return index < 0 ? all.length : index;
          },
          schema: RevocationSchema,
          show: revocationToProto,
        });
        return { revocations: shown, nextPageToken };
      });
    },
  };
}

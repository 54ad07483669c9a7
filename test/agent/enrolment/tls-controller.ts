/** A controller with certificates in this process, its administrator, and folders of hosts that are to join. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JoinOptions, joinCluster } from '../../../agent/enrolment/join.ts';
import { JoinError } from '../../../agent/enrolment/join-error.ts';
import { openClusterAuthority } from '../../../controller/access/cluster-authority.ts';
import { type Controller, runController } from '../../../controller/main.ts';
import type { ControllerOptions } from '../../../controller/options.ts';
import { connect } from '../../../sdk/typescript/client.ts';
import type { Services } from '../../../sdk/typescript/services.ts';
import { LocumError } from '../../../shared/errors.ts';
import type { CreateJoinTokenResponse } from '../../../shared/gen/locum/v1/enrolment_service_pb.ts';
import { createLogger } from '../../../shared/log.ts';
import { readCertificateFolder } from '../../../shared/pki/certificate-folder.ts';
import { makeRequest } from '../../../shared/pki/key-pair.ts';
import type { TlsMaterial } from '../../../shared/rpc/tls-identity.ts';
import { SHORT_TIMERS } from '../../controller/controller-world.ts';

export interface TlsController {
  readonly folder: string;
  readonly api: Services;
  readonly controller: Controller;
  readonly clusterId: string;
  /** A certificate as somebody would get from the files of the authority. */
  readonly certify: (kind: 'user' | 'server', name: string, more?: Partial<Certified>) => Promise<TlsMaterial>;
  /** What a host does with a token; `server` names its folder too. */
  readonly join: (
    made: CreateJoinTokenResponse,
    server: string,
    more?: Partial<JoinOptions>,
  ) => ReturnType<typeof joinCluster>;
  /** What a host has that joined in this folder. */
  readonly certificateOf: (folder: string) => Promise<TlsMaterial>;
  readonly close: () => Promise<void>;
}

interface Certified {
  readonly pool: string;
  readonly nowMs: number;
  readonly lifeMs: number;
}

export async function startTlsController(more: Partial<ControllerOptions> = {}): Promise<TlsController> {
  const folder = mkdtempSync(join(tmpdir(), 'locum-join-'));
  const dataDirectory = join(folder, 'controller');
  const anyPort = { host: '127.0.0.1', port: 0 };
  const controller = await runController({
    ...{
      apiListen: anyPort,
      agentListen: anyPort,
      store: 'memory:',
      adoptStore: false,
      logLevel: 'silent',
      logFormat: 'json',
    },
    ...{ initialTimers: SHORT_TIMERS, version: 'test', dataDirectory, tls: {} },
    log: createLogger({ name: 'controller', level: 'silent' }),
    ...more,
  });
  const { authority, rootsPem } = await openClusterAuthority({ dataDirectory, clusterId: '', nowMs: Date.now() });
  if (authority === undefined) throw new Error('the controller made no authority');
  // The authority that Locum makes names its cluster.
  const clusterId = /^OU=(.+)$/m.exec(new X509Certificate(rootsPem).subject)?.[1] ?? '';
  const certify: TlsController['certify'] = async (kind, name, { pool, ...life } = {}) => {
    const { csrPem, keyPem } = await makeRequest();
    const identity = { clusterId, kind, name, ...(pool === undefined ? {} : { pool }) };
    const { certPem } = await authority.sign({ csrPem, identity, nowMs: Date.now(), ...life });
    return { certPem, keyPem, rootsPem };
  };
  const api = connect({
    addresses: [controller.apiAddress],
    tls: { ca: rootsPem },
    token: readFileSync(join(dataDirectory, 'admin.token'), 'utf8').trim(),
  });
  return {
    ...{ folder, api, controller, clusterId, certify },
    join: ({ token, caHashes, endpoints }, server, options = {}) =>
      joinCluster({
        ...{ endpoints, token, caHashes, server, stateDir: join(folder, server), tlsDir: join(folder, server, 'tls') },
        ...options,
      }),
    certificateOf: (name) => readCertificateFolder(join(folder, name, 'tls')),
    close: async () => {
      api.close();
      await controller.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Why somebody could not join: the controller's reason, or the host's own. */
export const whyNot = (joining: Promise<unknown>): Promise<string> =>
  joining.then(
    () => 'joined',
    (error: unknown) => {
      if (error instanceof JoinError || error instanceof LocumError) return error.reason;
      throw error;
    },
  );

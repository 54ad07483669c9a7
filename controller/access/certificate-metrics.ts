/**
 * What `/metrics` shows of certificates, and of those who were refused at the door where certificates are asked for. A controller has two of
 * its own, and names them. Servers have no bound, so they are only counted, by the condition of their certificates; of the one that ends
 * first the time is told and not the name, which `locum status` has.
 */
import { Counter, Gauge, type Registry } from '@prometheus-io/client';
import { CERTIFICATE_CONDITIONS, type CertificateLife, conditionAt } from '../../shared/certificate-life.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import type { ShownCertificate } from './shown-certificate.ts';

/** What a controller that speaks TLS knows of it. */
export interface ShownTls {
  readonly certificates: readonly ShownCertificate[];
  /** By reason, each of which is there. */
  readonly refusals: ReadonlyMap<string, number>;
}

export interface ShownCertificates {
  /** Undefined: this controller speaks plaintext. */
  readonly own: () => ShownTls | undefined;
  /** Of servers that are there; empty while this controller does not lead. */
  readonly servers: () => readonly CertificateLife[];
  /** Unix milliseconds. */
  readonly nowWall: () => number;
}

/** Of servers whose agent is connected: of another one the newest is not known. */
export function serverCertificates(state: ClusterState | undefined): readonly CertificateLife[] {
  if (state === undefined) return [];
  return [...state.serverLive.values()].flatMap(({ session, certificate }) =>
    session === undefined || certificate === undefined ? [] : [certificate],
  );
}

export function addCertificateMetrics(registry: Registry, { own, servers, nowWall }: ShownCertificates): void {
  const registers = [registry];
  new Gauge({
    name: 'locum_certificate_expiry_timestamp_seconds',
    help: 'When the certificate of this controller, or of the authority that signs, is over, in Unix time.',
    labelNames: ['of'],
    registers,
    collect() {
      this.reset();
      for (const { of, notAfterWall } of own()?.certificates ?? []) this.set({ of }, notAfterWall / 1000);
    },
  });
  new Counter({
    name: 'locum_connections_refused_total',
    help: 'Connections refused before HTTP, on either listener. TOO_MANY_HANDSHAKES: their address had begun too many.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      for (const [reason, count] of own()?.refusals ?? []) this.inc({ reason }, count);
    },
  });
  new Gauge({
    name: 'locum_server_certificates',
    help: 'Connected servers by the condition of their certificate. LATE: past five sixths of its life and not renewed.',
    labelNames: ['condition'],
    registers,
    collect() {
      const now = nowWall();
      const found = servers().map((life) => conditionAt(life, now));
      for (const condition of CERTIFICATE_CONDITIONS)
        this.set({ condition }, found.filter((each) => each === condition).length);
    },
  });
  new Gauge({
    name: 'locum_server_certificate_earliest_expiry_timestamp_seconds',
    help: 'When the first certificate of a connected server is over, in Unix time. Absent where there is none.',
    registers,
    collect() {
      this.remove();
      const ends = servers().map(({ notAfterWall }) => notAfterWall);
      if (ends.length > 0) this.set(Math.min(...ends) / 1000);
    },
  });
}

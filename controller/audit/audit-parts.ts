/** What a controller does for the audit beside the core: it notes refusals and reads, and sends the audit to where it is wanted. */
import { AccessRecording } from '../access/access-recording.ts';
import { type AgentDenial, notedDenial } from '../access/agent-denial.ts';
import { AuditFeeds, type AuditFeedsOptions } from './audit-feeds.ts';

export class AuditParts {
  readonly #access: AccessRecording;
  readonly #feeds: AuditFeeds;

  constructor(options: AuditFeedsOptions) {
    this.#access = new AccessRecording(options);
    this.#feeds = new AuditFeeds(options);
  }

  get notes(): AccessRecording['notes'] {
    return this.#access.notes;
  }

  /** An agent was refused for what it showed. */
  noteDenial(denial: AgentDenial): void {
    this.notes.note('DENIAL', notedDenial(denial), Date.now());
  }

  get sinks(): AuditFeeds['statuses'] {
    return this.#feeds.statuses;
  }

  /** What `locum status` says of sinks that take nothing. */
  get trouble(): AuditFeeds['deviations'] {
    return this.#feeds.deviations;
  }

  start(): void {
    this.#access.start();
    this.#feeds.start();
  }

  /** Brings the audit what was noted. Sinks end with their signal, and go on from there at the next start. */
  close(patienceMs: number): Promise<void> {
    return this.#access.close(patienceMs);
  }
}

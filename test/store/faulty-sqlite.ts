/** A SQLite database that meets a fault before or after one of its statements: the files are kept as they were at that moment. */
import { cpSync, mkdtempSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { FaultPlan } from './store-world.ts';

/** Everything fails from then on, as it does for nobody who is alive to see it. */
function diskGone(): Error {
  return Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 10 });
}

export class FaultyDatabase {
  readonly #plan: FaultPlan;
  readonly #folder: string;
  readonly #gone = Promise.withResolvers<void>();
  /** Folder with the files of the moment of death. */
  image: string | undefined;
  passed = 0;

  constructor(file: string, plan: FaultPlan) {
    this.#folder = dirname(file);
    this.#plan = plan;
  }

  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** The same database; statements that are prepared from now on pass the points. */
  around(db: DatabaseSync): DatabaseSync {
    return new Proxy(db, {
      get: (target, name) => {
        if (name === 'prepare') return (sql: string) => this.#statement(target.prepare(sql));
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  #statement(statement: StatementSync): StatementSync {
    return new Proxy(statement, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        if (name !== 'run') return value.bind(target);
        return (...args: Parameters<StatementSync['run']>) => {
          this.#pass();
          const done = target.run(...args);
          this.#pass();
          return done;
        };
      },
    });
  }

  #pass(): void {
    if (this.image !== undefined) throw diskGone();
    this.passed += 1;
    if (this.passed !== this.#plan.at + 1) return;
    this.image = mkdtempSync(join(dirname(this.#folder), 'locum-store-'));
    cpSync(this.#folder, this.image, { recursive: true });
    this.#gone.resolve();
    throw diskGone();
  }
}

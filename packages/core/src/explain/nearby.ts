import { Distinct, type DistinctCount } from "./distinct.ts";
import { type Entry, isError } from "./entry.ts";
import { Traffic, type TrafficRow } from "./traffic.ts";

/** How far before and after a call is looked, in milliseconds. */
export const NEARBY_MS: number = 5 * 60_000;

/** What is remembered of a record that may turn out to be near the one that is explained. */
export type Neighbour = Pick<
  Entry,
  "id" | "timeMs" | "outcome" | "kind" | "code" | "caller" | "model" | "provider" | "totalMs" | "firstTokenMs"
>;

/** What else happened near a call to those who share something with it. */
interface Scope {
  readonly calls: number;
  readonly completed: number;
  readonly errors: number;
  /** Those that ended as the call did: with its code. */
  readonly same: number;
  /** Who is touched by those. */
  readonly callers: DistinctCount;
}

/** What else happened near a call. */
export interface NearbyReport {
  /** Those of the same caller, of the same model, of the same provider, and all. */
  readonly scopes: Readonly<Record<"caller" | "model" | "provider" | "everything", Scope>>;
  /** Completed calls that show what is well: of other callers with its model, other models of its provider, other providers. */
  readonly well: Readonly<Record<"caller" | "model" | "provider", number>>;
  /** When the first and the last call ended as it did. */
  readonly firstMs: number | undefined;
  readonly lastMs: number | undefined;
  /** Completed calls of its model. */
  readonly pace: Omit<TrafficRow, "name">;
}

/** Counts what is near one call. */
export class Nearby {
  readonly #target: Neighbour;
  readonly #scopes = { caller: new Counts(), model: new Counts(), provider: new Counts(), everything: new Counts() };
  readonly #well = { caller: 0, model: 0, provider: 0 };
  readonly #pace = new Traffic();
  #firstMs: number | undefined;
  #lastMs: number | undefined;
  #metItself = false;

  constructor(target: Neighbour) {
    this.#target = target;
  }

  add(other: Neighbour): void {
    const { id, timeMs, kind, code, caller, model, provider } = this.#target;
    if (timeMs === undefined || other.timeMs === undefined || Math.abs(other.timeMs - timeMs) > NEARBY_MS) return;
    if (!this.#metItself && other.id === id && other.timeMs === timeMs) {
      this.#metItself = true;
      return;
    }
    const same = kind !== "completed" && other.kind === kind && other.code === code;
    const shares = {
      caller: caller !== undefined && other.caller === caller,
      model: model !== undefined && other.model === model,
      provider: provider !== undefined && other.provider === provider,
    };
    this.#scopes.everything.add(other, same);
    if (shares.caller) this.#scopes.caller.add(other, same);
    if (shares.model) this.#scopes.model.add(other, same);
    if (shares.provider) this.#scopes.provider.add(other, same);
    if (same) {
      this.#firstMs = Math.min(this.#firstMs ?? timeMs, other.timeMs);
      this.#lastMs = Math.max(this.#lastMs ?? timeMs, other.timeMs);
    }
    if (other.outcome !== "completed") return;
    if (!shares.caller && (shares.model || model === undefined)) this.#well.caller++;
    if (!shares.model && (shares.provider || provider === undefined)) this.#well.model++;
    if (!shares.provider) this.#well.provider++;
    if (shares.model) this.#pace.add(other);
  }

  report(): NearbyReport {
    const { caller, model, provider, everything } = this.#scopes;
    return {
      scopes: {
        caller: caller.scope(),
        model: model.scope(),
        provider: provider.scope(),
        everything: everything.scope(),
      },
      well: { ...this.#well },
      firstMs: this.#firstMs,
      lastMs: this.#lastMs,
      pace: this.#pace.row(),
    };
  }
}

class Counts {
  #calls = 0;
  #completed = 0;
  #errors = 0;
  #same = 0;
  readonly #callers = new Distinct();

  add(other: Neighbour, same: boolean): void {
    this.#calls++;
    if (other.outcome === "completed") this.#completed++;
    if (isError(other)) this.#errors++;
    if (!same) return;
    this.#same++;
    this.#callers.add(other.caller);
  }

  scope(): Scope {
    const [calls, completed, errors, same] = [this.#calls, this.#completed, this.#errors, this.#same];
    return { calls, completed, errors, same, callers: this.#callers.count() };
  }
}

import type { Draw, Drawn, DrawState, LimitStore } from "@gatewright/core";
import { NO_ANSWER } from "./availability.ts";
import type { Backend } from "./backend.ts";
import { drawScript } from "./draw-script.ts";
import type { Epochs } from "./epochs.ts";
import { SHARDS, type Shard } from "./keys.ts";
import { isLocal } from "./local-store.ts";

/** Counts on Redis. What was drawn there while it worked, and cannot be settled there any more, stays drawn. */
export function redisLimits({ redis, keys, local, instead }: Backend, epochs: Epochs): LimitStore {
  return {
    async draw(group, draws, settle): Promise<Drawn> {
      if (draws.length === 0) return UNCOUNTED;
      if (settle && isLocal(draws)) return local.draw(group, draws, true);
      const shard = keys.shard(group);
      if (!settle && epochs.doubts(shard, draws)) return instead().draw(group, draws, false);

      const known = epochs.name(shard);
      const answer = await redis.ask(shard, {
        script: drawScript,
        keys: [keys.own(shard, "epoch"), ...draws.map(({ key, rate }) => keys.key(shard, rate.kind, key))],
        values: valuesOf(draws, known, settle),
      });
      if (answer === NO_ANSWER) return settle ? UNCOUNTED : instead().draw(group, draws, false);
      const [outcome, epoch = "", age, ...rest] = String(answer).split(" ");
      if (outcome === "lost") {
        epochs.lost(shard, epoch, Number(age));
        // Where the new data is counted on, it is asked once more.
        return settle ? UNCOUNTED : this.draw(group, draws, false);
      }
      if (known === "") epochs.first(shard, epoch, Number(age));
      return { taken: outcome === "taken", states: statesOf(rest) };
    },
  };
}

/** Learns how old the data of each shard is that is not known yet, so that a loss of it will be noticed. */
export async function learnEpochs({ redis, keys }: Backend, epochs: Epochs): Promise<void> {
  const unknown = SHARDS.filter((shard) => epochs.name(shard) === "");
  const learn = async (shard: Shard): Promise<void> => {
    const command = { script: drawScript, keys: [keys.own(shard, "epoch")], values: ["", "0"] };
    const answer = await redis.ask(shard, command);
    if (answer === NO_ANSWER) return;
    const [, epoch = "", age] = String(answer).split(" ");
    epochs.first(shard, epoch, Number(age));
  };
  await Promise.all(unknown.map(learn));
}

/** What comes of a draw that is not counted. */
const UNCOUNTED: Drawn = { taken: true, states: [] };

function valuesOf(draws: readonly Draw[], epoch: string, settle: boolean): string[] {
  const values = [epoch, settle ? "1" : "0"];
  for (const { rate, cost, since = "" } of draws) {
    values.push(rate.kind, String(rate.capacity), String(rate.periodMs), String(cost), since);
  }
  return values;
}

function statesOf(texts: readonly string[]): DrawState[] {
  const states: DrawState[] = [];
  for (let at = 0; at < texts.length; at += 4) {
    const [remaining, resetMs, waitMs, since = ""] = texts.slice(at, at + 4);
    states.push({
      remaining: Number(remaining),
      resetMs: Number(resetMs),
      waitMs: waitMs === "-1" ? Number.POSITIVE_INFINITY : Number(waitMs),
      since,
    });
  }
  return states;
}

import { balance, type Handler } from "@gatewright/core";
import { openai } from "@gatewright/providers";
import { KEY, type LabOptions } from "./lab.ts";

/**
 * A first target with several keys, which are asked in this order where both are as good. What is given for each is what
 * the simulator does with calls of this key, by its `x-simulate`; nothing: it answers.
 */
export function withKeys(faults: readonly (string | undefined)[]): LabOptions {
  return {
    makePrimary: ({ url, dispatcher, clock }) => {
      const member = (fault: string | undefined, index: number): Handler => {
        const headers = fault === undefined ? {} : { "x-simulate": fault };
        return openai({ name: `key-${index + 1}`, baseUrl: url, apiKey: `${KEY}-${index + 1}`, headers, dispatcher });
      };
      return balance(faults.map(member), { clock, random: () => 0 });
    },
  };
}

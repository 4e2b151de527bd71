import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "@gatewright/core";
import { chat } from "@gatewright/core/testing";
import { refuseGatewayFields } from "./gateway-fields.ts";

const FIELDS = ["fallbacks", "fallback_config", "transcript_id", "post_processing_steps", "model_region"];

for (const field of FIELDS) {
  test(`${field} is refused by name, whatever its value`, () => {
    for (const value of [null, false, "", [], {}, "global"]) {
      assert.throws(() => refuseGatewayFields(chat({ [field]: value })), {
        code: "llm.request.unsupported_parameter",
        status: 400,
        retryable: false,
        message: RegExp(`^${field}: `),
      });
    }
  });
}

test("all fields that are left are named at once", () => {
  assert.throws(
    () => refuseGatewayFields(chat(Object.fromEntries(FIELDS.map((field) => [field, 1])))),
    (error) => {
      assert.ok(error instanceof GatewayError);
      assert.deepEqual(
        error.issues.map(({ path }) => path),
        FIELDS,
      );
      for (const { path, message } of error.issues) assert.ok(error.message.includes(`${path}: ${message}`));
      return true;
    },
  );
});

test("fields that providers know pass, and so does one that is not set", () => {
  refuseGatewayFields(chat({ cache_control: {}, prompt_cache_key: "k", response_format: { type: "text" }, x: 1 }));
  refuseGatewayFields(chat({ fallbacks: undefined }));
  refuseGatewayFields(chat());
});

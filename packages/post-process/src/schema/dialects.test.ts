import { test } from "node:test";
import { casesOf, check } from "../testing/schema-cases.ts";

// What only one of the dialects knows, or means so.

test("2020-12", () => {
  for (const [schema, value, paths] of casesOf(draft202012())) check(schema, value, paths);
});

test("draft-07", () => {
  const $schema = "http://json-schema.org/draft-07/schema#";
  for (const [schema, value, paths] of casesOf(draft07())) check({ $schema, ...Object(schema) }, value, paths);
});

function draft202012(): string {
  return `
{"prefixItems": [{"type": "string"}, {"type": "integer"}], "items": false} | ["a", 1]
  | [1, "a", 2] | [0] & [1] & [2]
{"prefixItems": [{"type": "string"}]} | []
{"prefixItems": [true], "additionalItems": false} | [1, 2]
{"contains": {"type": "string"}, "minContains": 2} | ["a", 1] | (whole)
{"contains": {"type": "string"}, "minContains": 0} | [1]
{"contains": {"type": "string"}, "maxContains": 1} | ["a", "b"] | (whole)
{"minContains": 5} | []
{"dependentRequired": {"a": ["b", "c"]}} | {"a": 1} | (whole) & (whole)
{"dependentRequired": {"a": ["b"]}} | {"b": 1}
{"dependentRequired": {"__proto__": ["x"]}} | {"__proto__": 1} | (whole)
{"dependentRequired": {"toString": ["x"]}} | {}
{"dependentSchemas": {"a": {"properties": {"b": false}}}} | {"a": 1, "b": 1} | .b
{"$defs": {"a": {"$anchor": "here", "type": "string"}}, "items": {"$ref": "#here"}} | [1] | [0]
{"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}, "minLength": 2} | "a" | (whole)
  | 1 | (whole)
{"$id": "http://a.test/x/", "items": {"$ref": "y"}, "$defs": {"y": {"$id": "y", "items": {"$ref": "#/$defs/z"}, "$defs": {"z": false}}}} | [[1]] | [0][0]
{"$ref": "https://json-schema.org/draft/2020-12/schema"} | {"$defs": {"a": {"required": "b"}}} | .$defs[…].required
{"not": {"$ref": "https://json-schema.org/draft/2020-12/schema"}} | {"$defs": {"a": {"required": "b"}}}
{"$dynamicAnchor": "node", "properties": {"next": {"$dynamicRef": "#node"}}, "required": ["at"]} | {"at": 1, "next": {}} | .next
{"$id": "http://a.test/strict", "$dynamicAnchor": "node", "$ref": "tree", "unevaluatedProperties": false, "$defs": {"tree": {"$id": "tree", "$dynamicAnchor": "node", "properties": {"next": {"$dynamicRef": "#node"}}}}} | {"next": {"next": {"nxt": {}}}} | .next.next[…]
{"$id": "http://a.test/", "$defs": {"one": {"$id": "one", "$dynamicAnchor": "n", "type": "string"}, "two": {"$id": "two", "$defs": {"n": {"$dynamicAnchor": "n", "type": "integer"}}, "$dynamicRef": "#n"}}, "allOf": [{"anyOf": [{"$ref": "one"}, true]}, {"$ref": "two"}]} | 5
  | "5" | (whole)
{"unevaluatedProperties": false} | {"a": 1} | […]
{"properties": {"a": true}, "unevaluatedProperties": false} | {"a": 1, "toString": 1} | […]
{"allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false} | {"a": 1}
{"allOf": [{"properties": {"a": true}}], "additionalProperties": false} | {"a": 1} | […]
{"anyOf": [{"properties": {"a": true}}, {"properties": {"b": true}}], "unevaluatedProperties": false} | {"a": 1, "b": 1}
{"anyOf": [{"properties": {"a": {"const": 2}}}, true], "unevaluatedProperties": false} | {"a": 1} | […]
{"not": {"not": {"properties": {"a": true}}}, "unevaluatedProperties": false} | {"a": 1} | […]
{"if": {"required": ["a"]}, "then": {"properties": {"a": true}}, "unevaluatedProperties": false} | {"a": 1}
{"if": {"properties": {"a": true}}, "unevaluatedProperties": false} | {"a": 1, "b": 1} | […]
{"dependentSchemas": {"a": {"properties": {"b": true}}}, "properties": {"a": true}, "unevaluatedProperties": false} | {"a": 1, "b": 1}
{"allOf": [{"unevaluatedProperties": true}], "unevaluatedProperties": false} | {"a": 1}
{"properties": {"a": true}, "allOf": [{"unevaluatedProperties": false}]} | {"a": 1} | […]
{"properties": {"a": {"type": "string"}}, "unevaluatedProperties": false} | {"a": 1} | .a
{"anyOf": [{"properties": {"a": {"type": "string"}}}], "unevaluatedProperties": false} | {"a": 1} | (whole)
{"anyOf": [{"properties": {"a": true}, "not": {}}, true], "unevaluatedProperties": false} | {"a": 1} | […]
{"properties": {"a": true}, "allOf": [{"unevaluatedProperties": false}], "unevaluatedProperties": false} | {"a": 1} | […]
{"unevaluatedProperties": {"type": "string"}} | {"a": 1, "b": "b"} | […]
{"prefixItems": [true], "unevaluatedItems": false} | [1, 2] | [1]
{"items": true, "unevaluatedItems": false} | [1, 2]
{"contains": {"type": "string"}, "unevaluatedItems": false} | ["a", 1, "b"] | [1]
{"anyOf": [{"prefixItems": [true]}, {"prefixItems": [true, true]}], "unevaluatedItems": false} | [1, 2]
{"$ref": "#/$defs/a", "unevaluatedProperties": false, "$defs": {"a": {"properties": {"a": true}}}} | {"a": 1, "b": 2} | […]
{"definitions": {"old": {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]}}, "$ref": "#/definitions/old"} | [1] | [0]
`;
}

function draft07(): string {
  return `
{"items": [{"type": "string"}, {"type": "integer"}]} | [1, "a", null] | [0] & [1]
{"items": [true], "additionalItems": false} | [1, 2] | [1]
{"items": true, "additionalItems": false} | [1, 2]
{"additionalItems": false} | [1, 2]
{"prefixItems": [false], "items": true} | [1]
{"contains": {"type": "string"}, "minContains": 0} | [1] | (whole)
{"dependentRequired": {"a": ["b"]}} | {"a": 1}
{"dependentSchemas": {"a": false}} | {"a": 1}
{"unevaluatedProperties": false} | {"a": 1}
{"unevaluatedItems": false} | [1]
{"$ref": "#/definitions/a", "definitions": {"a": {"type": "string"}}, "minLength": 2} | "a"
{"$ref": "#/definitions/a", "definitions": {"a": true}, "type": 5} | "a"
{"definitions": {"a": {"$id": "#here", "type": "string"}}, "items": {"$ref": "#here"}} | [1] | [0]
{"definitions": {"a": {"$anchor": "no good name"}}} | 1
{"definitions": {"a": {"$id": "http://a.test/b#c", "type": "string"}}, "items": {"$ref": "http://a.test/b#c"}} | [1] | [0]
{"$dynamicRef": "#nowhere"} | 1
`;
}

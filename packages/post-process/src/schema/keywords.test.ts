import { test } from "node:test";
import { casesOf, check } from "../testing/schema-cases.ts";

// What both dialects mean alike. The cases are text, since JavaScript has its own meaning for names such as `__proto__`.

const DRAFT_07 = "http://json-schema.org/draft-07/schema#";

for (const family of tables().split("# ").slice(1)) {
  const [name, ...lines] = family.split("\n");
  test(`${name} in 2020-12`, () => {
    for (const [schema, value, paths] of casesOf(lines.join("\n"))) check(schema, value, paths);
  });
  test(`${name} in draft-07`, () => {
    for (const [schema, value, paths] of casesOf(lines.join("\n"))) {
      check(typeof schema === "object" ? { ...schema, $schema: DRAFT_07 } : schema, value, paths);
    }
  });
}

function tables(): string {
  return String.raw`
# booleans
true | {"any": "thing"}
false | 1 | (whole)
{"properties": {"a": false}} | {"a": 1, "b": 1} | .a
{"properties": {"a": true}} | {"a": 1}
{} | null
# type
{"type": "string"} | "a"
  | 1 | (whole)
{"type": "number"} | 1.5
  | "1" | (whole)
{"type": "integer"} | 1
  | 1e+300
  | 1.5 | (whole)
  | 1e400 | (whole)
{"type": "boolean"} | false
  | 0 | (whole)
{"type": "null"} | null
  | {} | (whole)
{"type": "object"} | {}
  | [] | (whole)
  | null | (whole)
{"type": "array"} | []
  | {"length": 0} | (whole)
{"type": ["string", "null"]} | null
  | 1 | (whole)
# enum and const
{"enum": ["a", 1, null]} | 1
  | "1" | (whole)
{"enum": []} | 1 | (whole)
{"enum": [{"a": 1, "b": [2]}]} | {"b": [2], "a": 1}
  | {"a": 1} | (whole)
{"enum": [[1, 2]]} | [2, 1] | (whole)
{"enum": ["[1]"]} | [1] | (whole)
{"enum": [0]} | -0
{"enum": [false]} | 0 | (whole)
{"const": null} | null
  | 0 | (whole)
{"const": [0]} | [-0]
{"const": {"a": "1"}} | {"a": 1} | (whole)
{"const": {"__proto__": 1}} | {"__proto__": 1}
  | {"__proto__": 2} | (whole)
  | {} | (whole)
{"const": [null]} | [1e400] | (whole)
# numbers
{"minimum": 1} | 1
  | 0.5 | (whole)
  | "0"
{"exclusiveMinimum": 1} | 1 | (whole)
  | 1.1
{"maximum": 1} | 1
  | 2 | (whole)
{"exclusiveMaximum": 1} | 1 | (whole)
  | -1
{"multipleOf": 2} | 4
  | 0
  | 5 | (whole)
  | -6
{"multipleOf": 0.01} | 19.99
  | 0.075 | (whole)
{"multipleOf": 0.1} | 0.3
{"multipleOf": 1e-8} | 12391239123
{"multipleOf": 1e-9} | 5e-10 | (whole)
{"multipleOf": 1e-308} | 1e+308
{"multipleOf": 2.5} | 1e21
{"multipleOf": 7} | 1e+21 | (whole)
{"multipleOf": 1} | 1e400 | (whole)
# strings
{"minLength": 2} | "ab"
  | "a" | (whole)
  | 1
{"maxLength": 1} | "ab" | (whole)
  | "💩"
{"minLength": 2} | "💩" | (whole)
{"maxLength": 2} | "ab"
{"pattern": "b+"} | "abbc"
{"pattern": "^b+"} | "abbc" | (whole)
{"pattern": "^.$"} | "💩"
{"pattern": "^a$"} | "a\n" | (whole)
{"pattern": "a"} | 5
{"format": "email"} | "no address"
# arrays
{"minItems": 1} | [] | (whole)
  | [1]
  | ""
{"maxItems": 1} | [1, 2] | (whole)
  | {}
{"items": {"type": "integer"}} | [1, 2]
  | ["a", 1, "b"] | [0] & [2]
  | {"0": "a"}
{"items": false} | []
  | [1] | [0]
{"items": {"items": {"type": "string"}}} | [["a"], [1]] | [1][0]
{"uniqueItems": true} | [1, "1", true, null, [1], {"a": 1}]
  | [1, 2, 1, 2] | [2] & [3]
  | [{"a": 1, "b": 2}, {"b": 2, "a": 1}] | [1]
  | [[1], ["1"]]
  | ["[1]", [1]]
  | [{"__proto__": 1}, {"__proto__": 2}]
{"uniqueItems": false} | [1, 1]
{"contains": {"type": "string"}} | [1, "a"]
  | [1] | (whole)
  | [] | (whole)
{"contains": true} | "not an array"
# objects
{"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name"]} | {"name": "A", "age": 5}
  | {"name": 1, "age": 1.5} | .name & .age
  | {"age": 5} | (whole)
  | [] | (whole)
{"required": ["a", "b", "c"]} | {"b": 1} | (whole) & (whole)
{"required": ["a"]} | "no object"
{"required": ["toString"]} | {} | (whole)
  | {"toString": 1}
{"required": ["__proto__"]} | {} | (whole)
  | {"__proto__": 1}
{"properties": {"__proto__": {"type": "string"}}} | {}
  | {"__proto__": 1} | .__proto__
{"properties": {"constructor": {"type": "number"}}} | {}
  | {"constructor": "a"} | .constructor
{"additionalProperties": false} | {"a": 1, "b": 2} | […]
{"properties": {"a": true}, "additionalProperties": false} | {"a": 1, "toString": 2} | […]
  | {"__proto__": 1} | […]
{"properties": {"a": true}, "additionalProperties": {"type": "string"}} | {"a": 1, "b": 2, "c": "c"} | […]
{"required": ["b"], "additionalProperties": {"type": "string"}} | {"a": 1, "b": 2} | […] & .b
{"patternProperties": {"^x": {"type": "string"}}} | {"x1": 1, "y": 1} | […]
{"properties": {"x1": true}, "patternProperties": {"^x": {"type": "string"}}} | {"x1": 1, "x2": 1} | .x1 & […]
{"patternProperties": {"^x": true}, "additionalProperties": false} | {"x1": 1, "y": 1} | […]
{"patternProperties": {"a": {"minimum": 1}, "b": {"minimum": 2}}} | {"ab": 0} | […] & […]
{"propertyNames": {"maxLength": 2}} | {"ab": 1, "abc": 2} | […]
{"propertyNames": {"maxLength": 2}, "required": ["abc"]} | {"abc": 2} | .abc
{"propertyNames": false} | {}
{"minProperties": 1} | {} | (whole)
  | {"a": 1}
{"maxProperties": 1} | {"a": 1, "b": 1} | (whole)
{"maxProperties": 0} | []
{"dependencies": {"a": ["b"]}} | {"a": 1} | (whole)
  | {"b": 1}
{"dependencies": {"a": {"required": ["b"]}}} | {"a": 1} | (whole)
{"dependencies": {"a": false}} | {"a": 1} | (whole)
# logic
{"allOf": [{"minimum": 1}, {"maximum": 3}]} | 2
{"allOf": [{"minimum": 1}, {"minimum": 2}]} | 0 | (whole) & (whole)
{"anyOf": [{"minimum": 1}, {"type": "string"}]} | "a"
  | 0 | (whole)
{"anyOf": [{"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name"]}, {"type": "null"}]} | null
  | {"age": "x"} | (whole) & .age
  | 5 | (whole)
{"anyOf": [{"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name"]}, {"type": "object", "properties": {"next": {"$ref": "#"}, "at": {"type": "integer"}}, "additionalProperties": false}]} | {"age": "x"} | (whole)
{"oneOf": [{"minimum": 1}, {"maximum": 3}]} | 0
  | 2 | (whole)
{"oneOf": [{"type": "string"}, {"items": {"type": "string"}, "type": "array"}]} | ["a", 1] | [1]
{"not": {"type": "string"}} | 1
  | "a" | (whole)
{"not": {"not": {"type": "string"}}} | 1 | (whole)
{"if": {"minimum": 5}, "then": {"multipleOf": 2}, "else": {"multipleOf": 3}} | 6
  | 7 | (whole)
  | 4 | (whole)
{"if": {"minimum": 5}, "then": {"multipleOf": 2}} | 1
{"then": false, "else": false} | 1
# references
{"definitions": {"a": {"type": "string"}}, "properties": {"x": {"$ref": "#/definitions/a"}}} | {"x": 1} | .x
{"type": "object", "properties": {"next": {"$ref": "#"}, "at": {"type": "integer"}}, "additionalProperties": false} | {"next": {"next": {"at": 1}}}
  | {"next": {"next": {"at": "1", "extra": 1}}} | .next.next.at & .next.next[…]
{"properties": {"a/b": {"type": "string"}, "x": {"$ref": "#/properties/a~1b"}}} | {"x": 1} | .x
{"properties": {"a%b": {"type": "string"}, "x": {"$ref": "#/properties/a%25b"}}} | {"x": 1} | .x
{"allOf": [{"type": "string"}], "properties": {"x": {"$ref": "#/allOf/0"}}} | {"x": 1} | .x & (whole)
{"components": {"a": {"type": "string"}}, "properties": {"x": {"$ref": "#/components/a"}}} | {"x": 1} | .x
{"$id": "http://a.test/b", "properties": {"x": {"$ref": "b#/definitions/c"}}, "definitions": {"c": false}} | {"x": 1} | .x
{"$id": "urn:x:y", "properties": {"x": {"$ref": "#/definitions/c"}}, "definitions": {"c": false}} | {"x": 1} | .x
{"definitions": {"c": {"$id": "http://a.test/c", "type": "string"}}, "properties": {"x": {"$ref": "http://a.test/c"}}} | {"x": 1} | .x
{"properties": {"x": {"$ref": "http://json-schema.org/draft-07/schema#"}}} | {"x": {"type": "strin"}} | .x.type
  | {"x": {"items": [{}, {"allOf": []}]}} | .x.items[1].allOf
{"$ref": "http://json-schema.org/draft-07/schema#"} | {"type": "string", "title": "a"}
  | [] | (whole)
{"const": {"$ref": "#/nowhere"}} | {"$ref": "#/nowhere"}
{"enum": [{"$id": 5}]} | {"$id": 5}
{"definitions": {"__proto__": false}, "properties": {"x": {"$ref": "#/definitions/__proto__"}}} | {"x": 1} | .x
# paths
{"properties": {"1": false, "a b": false, "$x": false, "ü": false, "": false}} | {"1": 1, "a b": 1, "$x": 1, "ü": 1, "": 1} | ["1"] & ["a b"] & .$x & .ü & [""]
{"additionalProperties": {"properties": {"b": {"additionalProperties": false}}}} | {"a": {"b": {"c": 1}}} | […].b[…]
{"properties": {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": false, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx💩": false}} | {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": 1} | ["xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"]
  | {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx💩": 1} | ["xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"]
{"items": {"properties": {"a": {"items": {"type": "null"}}}}} | [{}, {"a": [null, 1]}] | [1].a[1]
`;
}

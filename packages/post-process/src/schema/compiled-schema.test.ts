import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { compileSchema, SchemaError } from "./compiled-schema.ts";

const META = "http://json-schema.org/draft-07/schema#";

suite("a schema that cannot be used is refused, with the place:", () => {
  const refused: readonly (readonly [schema: string, path: string, message?: RegExp])[] = [
    ["null", "", /must be a schema/],
    ["[]", ""],
    ['"string"', ""],
    ['{"type": "strin"}', ".type", /must be one of "null", .*"integer", or an array/],
    ['{"type": 12}', ".type"],
    ['{"type": []}', ".type"],
    ['{"type": ["string", "string"]}', ".type"],
    ['{"properties": []}', ".properties", /must be an object/],
    ['{"properties": {"a": {"type": "strin"}}}', ".properties.a.type"],
    ['{"properties": {"a b": 5}}', '.properties["a b"]', /must be a schema/],
    ['{"$defs": {"a": {"minimum": "1"}}}', ".$defs.a.minimum", /must be a number/],
    ['{"items": 12}', ".items"],
    ['{"items": [{}]}', ".items"],
    ['{"prefixItems": []}', ".prefixItems", /must not be empty/],
    ['{"allOf": {}}', ".allOf", /must be an array/],
    ['{"anyOf": [{}, {"not": 1}]}', ".anyOf[1].not"],
    ['{"enum": 3}', ".enum"],
    ['{"required": "a"}', ".required"],
    ['{"required": ["a", 1]}', ".required"],
    ['{"required": ["a", "a"]}', ".required", /all different/],
    ['{"required": true}', ".required"],
    ['{"minLength": -1}', ".minLength", /whole number of at least 0/],
    ['{"maxItems": 1.5}', ".maxItems"],
    ['{"maxItems": 1e400}', ".maxItems"],
    ['{"multipleOf": 0}', ".multipleOf", /greater than 0/],
    ['{"multipleOf": 1e400}', ".multipleOf"],
    ['{"exclusiveMinimum": true}', ".exclusiveMinimum"],
    ['{"uniqueItems": 1}', ".uniqueItems"],
    ['{"dependentRequired": {"a": "b"}}', ".dependentRequired.a"],
    ['{"dependencies": {"a": 5}}', ".dependencies.a"],
    ['{"$ref": 5}', ".$ref"],
    ['{"$ref": "#/$defs/a"}', ".$ref", /place that this schema does not have/],
    ['{"$ref": "#/constructor"}', ".$ref"],
    ['{"$ref": "#/__proto__"}', ".$ref"],
    ['{"allOf": [{}], "$ref": "#/allOf/00"}', ".$ref"],
    ['{"allOf": [{}], "$ref": "#/allOf/1"}', ".$ref"],
    ['{"allOf": [{}], "$ref": "#/allOf/length"}', ".$ref"],
    ['{"title": "a", "$ref": "#/title"}', ".$ref", /no schema/],
    ['{"x": {"type": 5}, "$ref": "#/x"}', ".x.type"],
    ['{"$ref": "#a"}', ".$ref", /anchor/],
    ['{"$ref": "#%"}', ".$ref"],
    ['{"$ref": "http://["}', ".$ref"],
    ['{"properties": {"a": {"$ref": "http://169.254.169.254/latest"}}}', ".properties.a.$ref", /no other document/],
    ['{"$ref": "file:///etc/passwd"}', ".$ref", /no other document/],
    ['{"$ref": "http://json-schema.org/draft-07/schema#/definitions/x"}', ".$ref"],
    ['{"$anchor": "a b"}', ".$anchor"],
    ['{"$id": "#a"}', ".$id"],
    ['{"$id": "http://["}', ".$id"],
    ['{"$defs": {"a": {"$id": "http://a.test"}, "b": {"$id": "http://a.test"}}}', ".$defs.b.$id", /is the same/],
    ['{"$defs": {"a": {"$anchor": "x"}, "b": {"$anchor": "x"}}}', ".$defs.b.$anchor", /is the same/],
    ['{"$schema": "http://json-schema.org/draft-04/schema#"}', ".$schema", /other dialects are not known/],
    ['{"items": {"$schema": 5}}', ".items.$schema"],
    [`{"$schema": "${META}", "items": []}`, ".items"],
    [`{"$schema": "${META}", "items": [{"type": 1}]}`, ".items[0].type"],
    ['{"pattern": "(["}', ".pattern", /regular expression/],
    ['{"pattern": 5}', ".pattern", /must be a string/],
    ['{"pattern": "^(?!x)"}', ".pattern", /looks ahead or behind/],
    ['{"items": {"pattern": "(a)\\\\1"}}', ".items.pattern", /refers back/],
    ['{"patternProperties": {"(?<=a)b": {}}}', '.patternProperties["(?<=a)b"]', /looks ahead or behind/],
  ];
  for (const [schema, path, message = /./] of refused) {
    test(schema, () => {
      const expected = (thrown: unknown) =>
        thrown instanceof SchemaError && thrown.path === path && message.test(thrown.message);
      assert.throws(() => compileSchema(JSON.parse(schema)), expected);
    });
  }
});

suite("messages:", () => {
  const cases: readonly (readonly [schema: string, value: unknown, message: string])[] = [
    ['{"type": ["string", "null"]}', 1, "must be a string or null"],
    ['{"required": ["a name"]}', {}, 'must have the property "a name"'],
    ['{"enum": ["a", {"b": 1}]}', 1, 'must be one of "a", {"b":1}'],
    ['{"const": "x"}', 1, 'must be "x"'],
    ['{"minItems": 1}', [], "must have at least 1 item"],
    ['{"maxProperties": 2}', { a: 1, b: 1, c: 1 }, "must have at most 2 properties"],
    ['{"pattern": "^a"}', "b", 'must match the pattern "^a"'],
    [
      '{"contains": true, "minContains": 2, "maxContains": 3}',
      [],
      "must have from 2 to 3 items as `contains` describes them",
    ],
    [
      '{"anyOf": [{"type": "string"}, {"const": null}, {"enum": [1, 2.5]}]}',
      [],
      "must be a string or null or a whole number or a number",
    ],
    ['{"anyOf": [{"type": "string"}, {}], "not": {}}', "", "must not be what the schema under `not` describes"],
    ['{"anyOf": [{"type": "string", "minLength": 1}, {"minimum": 5}]}', 1, "must match one of 2 alternatives"],
    [
      '{"oneOf": [{"type": "string", "minLength": 9}, {"type": "string", "maxLength": 0}]}',
      "a",
      "must match one of 2 alternatives",
    ],
    ['{"oneOf": [{}, {}, {}]}', 1, "must match only one of 3 alternatives, not several"],
  ];
  for (const [schema, value, message] of cases) {
    test(message, () => {
      assert.deepEqual(compileSchema(JSON.parse(schema)).check(value), [{ path: "", message }]);
    });
  }

  test("an alternative that is a reference is explained where it is the only one of its type", () => {
    const schema = compileSchema({
      $defs: { a: { $ref: "#/$defs/b" }, b: { type: "object", required: ["x"] } },
      properties: { p: { anyOf: [{ $ref: "#/$defs/a" }, { type: "null" }] } },
    });
    assert.deepEqual(schema.check({ p: {} }), [{ path: ".p", message: 'must have the property "x"' }]);
  });

  test("nothing of the value is in them, and little of a large schema", () => {
    const secret = "s3cret".repeat(100);
    const long = "l".repeat(100_000);
    const schema = compileSchema({
      allOf: [
        { enum: Array.from({ length: 1000 }, (_, at) => `${at}${long}`) },
        { const: { [long]: long } },
        { required: [long] },
        { pattern: "a".repeat(900) },
        { type: "integer" },
        { minLength: 1e6 },
      ],
    });
    const found = [...schema.check(secret), ...schema.check({ a: secret })];
    assert.equal(found.length, 5 + 4);
    for (const { message } of found) assert.ok(message.length <= 200 && !message.includes("s3cret"), message);
  });

  test("names that a model made up are not in them, nor in paths", () => {
    const name = "Ann has told us that her password is swordfish";
    const meta = "https://json-schema.org/draft/2020-12/schema";
    const schemas = [
      { additionalProperties: false },
      { additionalProperties: { additionalProperties: false } },
      { unevaluatedProperties: false },
      { patternProperties: { Ann: false } },
      { propertyNames: { maxLength: 3 } },
      { anyOf: [{ type: "object", additionalProperties: false }, { type: "null" }] },
      { dependentSchemas: { [name.slice(0, 3)]: true }, additionalProperties: { type: "string" } },
      { additionalProperties: { $ref: meta } },
      { properties: { properties: true }, additionalProperties: false },
    ];
    for (const schema of schemas) {
      const found = compileSchema(schema).check({ [name]: { [name]: 5, properties: { [name]: 7 } } });
      assert.notEqual(found.length, 0, JSON.stringify(schema));
      assert.doesNotMatch(JSON.stringify(found), /Ann|swordfish/);
    }
    const asSchema = compileSchema({ $ref: meta });
    for (const value of [{ $defs: { [name]: { type: 5 } } }, { dependentRequired: { [name]: 5 } }]) {
      assert.doesNotMatch(JSON.stringify(asSchema.check(value)), /Ann|swordfish/);
      assert.equal(asSchema.check(value).length, 1);
    }
  });

  test("what is the same of several properties without a name is told once", () => {
    const extra = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`extra${at}`, at]));
    assert.equal(compileSchema({ additionalProperties: false }).check(extra).length, 1);
  });

  test("paths through many names are cut", () => {
    let value: unknown = 1;
    for (let level = 0; level < 100; level++) value = { ["x".repeat(100)]: value };
    const [found] = compileSchema({ properties: { ["x".repeat(100)]: { $ref: "#" } }, type: "object" }).check(value);
    assert.equal(found?.path.length, 1025);
  });

  test("twenty are told, and checking ends with them", () => {
    const schema = compileSchema({ items: { type: "string" }, allOf: [{ items: { $ref: "#/allOf/0" } }] });
    assert.equal(schema.check(Array(1e6).fill(1)).length, 20);
    // What does not match within `not` or an alternative does not count.
    const nested = compileSchema({ not: { items: { type: "string" } }, anyOf: [{ items: { type: "string" } }, {}] });
    assert.deepEqual(nested.check(Array(100).fill(1)), []);
  });
});

test("a compiled schema may be used many times, and leaves what it was made of alone", () => {
  const schema = JSON.parse('{"properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"uniqueItems": true}}}');
  const before = structuredClone(schema);
  const compiled = compileSchema(schema);
  for (let time = 0; time < 3; time++) {
    assert.deepEqual(
      compiled.check({ a: [1, 1] }).map(({ path }) => path),
      [".a[1]"],
    );
    assert.deepEqual(compiled.check({ a: [1, 2] }), []);
  }
  assert.deepEqual(schema, before);
});

test("a caller's schema with the URI of a meta-schema means nothing to the next caller", () => {
  const $id = "https://json-schema.org/draft/2020-12/schema";
  assert.equal(compileSchema({ $id, $defs: { a: { $ref: $id } }, type: "null" }).check(1).length, 1);
  assert.deepEqual(compileSchema({ $ref: $id }).check({ type: "object" }), []);
});

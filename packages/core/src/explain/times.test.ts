import assert from "node:assert/strict";
import { after, test } from "node:test";
import { UsageError } from "../command-line.ts";
import { momentOf, momentsWithin, readMoment } from "./times.ts";

const { TZ } = process.env;
process.env.TZ = "Asia/Tokyo";
after(() => {
  if (TZ === undefined) delete process.env.TZ;
  else process.env.TZ = TZ;
});

const NOW = Date.UTC(2026, 2, 4, 12);

test("a moment on the command line is UTC, has a zone, or is so long ago", () => {
  const read = (written: string): string => new Date(readMoment("since", written, NOW)).toISOString();
  assert.equal(read("15m"), "2026-03-04T11:45:00.000Z");
  assert.equal(read("2h"), "2026-03-04T10:00:00.000Z");
  assert.equal(read("3d"), "2026-03-01T12:00:00.000Z");
  assert.equal(read("2026-03-04"), "2026-03-04T00:00:00.000Z");
  assert.equal(read("2026-03-04T10:30"), "2026-03-04T10:30:00.000Z");
  assert.equal(read("2026-03-04 10:30:05"), "2026-03-04T10:30:05.000Z");
  assert.equal(read("2026-03-04T10:30:05.250Z"), "2026-03-04T10:30:05.250Z");
  assert.equal(read("2026-03-04T10:30+02:00"), "2026-03-04T08:30:00.000Z");
});

test("what is no moment is refused, with the option and forms that are", () => {
  for (const written of ["", "soon", "15", "1.5h", "12:00", "2026-13-01", "2026-03-04T25:00", "1772625600"]) {
    assert.throws(
      () => readMoment("until", written, NOW),
      (error) => {
        return error instanceof UsageError && /--until must be a time like .*15m/.test(error.message);
      },
    );
  }
});

test("the time of a line is ISO 8601, or pino's milliseconds or seconds", () => {
  assert.equal(momentOf("2026-03-04T12:00:00.000Z"), NOW);
  assert.equal(momentOf(NOW), NOW);
  assert.equal(momentOf(NOW / 1000), NOW);
  for (const none of [undefined, null, "yesterday", 0, Number.NaN, "9999-01-01T00:00:00Z", {}])
    assert.equal(momentOf(none), undefined);
});

test("moments are written as shortly as their span allows", () => {
  const at = NOW + 65_000;
  assert.equal(momentsWithin(NOW, NOW + 600_000)(at), "12:01:05");
  assert.equal(momentsWithin(NOW, NOW + 7_200_000)(at), "12:01");
  assert.equal(momentsWithin(NOW, NOW + 86_400_000)(at), "03-04 12:01");
  assert.equal(momentsWithin(NOW, NOW)(undefined), "–");
});

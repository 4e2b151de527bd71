export { chat } from "./testing/chat.ts";
export type { FakeClock } from "./testing/clock.ts";
export { fakeClock } from "./testing/clock.ts";
export type { Outcome, Scripted } from "./testing/scripted.ts";
export { chunksOf, scripted } from "./testing/scripted.ts";
export type { RegisterTest, TestServer } from "./testing/server.ts";
export { testServer } from "./testing/server.ts";
export type { StoreUnderTest } from "./testing/store.ts";
export { testStore } from "./testing/store.ts";

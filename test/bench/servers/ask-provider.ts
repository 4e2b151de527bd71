import { Agent, type Dispatcher } from "undici";

/** Makes a function that posts a JSON body to the provider with undici, as the bare servers all do. */
export function askProvider(providerUrl: string): (body: unknown) => Promise<Dispatcher.ResponseData> {
  const dispatcher = new Agent();
  return (body) =>
    dispatcher.request({
      origin: providerUrl,
      path: "/v1/chat/completions",
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
}

/** Whether a parsed request body asks for a stream. */
export function wantsStream(body: unknown): boolean {
  return typeof body === "object" && body !== null && "stream" in body && body.stream === true;
}

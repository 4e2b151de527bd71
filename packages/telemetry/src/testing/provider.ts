import { type Attempt, attempts, begin, type ChatRequest, type Handler, onEnd, toGatewayError } from "@gatewright/core";
import { type Outcome, type Scripted, scripted } from "@gatewright/core/testing";

/** A handler whose outcomes are given, and which notes its attempts in the call's context as a real provider does. */
export function provider(name: string, ...outcomes: readonly Outcome[]): Handler & Pick<Scripted, "requests"> {
  const handler = scripted(...outcomes);
  const noting: Handler = async (request) => {
    const made = { provider: name, model: request.model, durationMs: 1 };
    try {
      const reply = await begin(await handler(request));
      const whole = { ...made, status: 200, upstreamRequestId: "req-1" };
      note(request, whole);
      const again = (code: Attempt["code"]): void => note(request, { ...whole, ...(code && { code }) }, whole);
      return onEnd(reply, ({ error }) => error && again(error.code), request.call.signal);
    } catch (thrown) {
      const { code, status } = toGatewayError(thrown, request.call.signal);
      note(request, { ...made, status, code });
      throw thrown;
    }
  };
  return Object.assign(noting, { requests: handler.requests });
}

function note({ call }: ChatRequest, attempt: Attempt, inPlaceOf?: Attempt): void {
  const made = call.context.get(attempts);
  const others = made.filter((other) => other !== inPlaceOf);
  call.context.set(attempts, [...others, attempt]);
}

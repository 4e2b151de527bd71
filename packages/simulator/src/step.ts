/**
 * One thing that happens on the wire. Everything the simulator does is a run of steps, made by pure code; how they are
 * played, on a socket or as a `Response`, is the player's affair. A string is a piece of the body that may go out
 * together with its neighbours; bytes go out on their own.
 */
export type Step = string | Uint8Array | Head | Event;

/** The status line and the headers. */
export interface Head {
  readonly kind: "head";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

type Event =
  /** Waits; an infinite wait lasts until the client leaves. */
  | { readonly kind: "wait"; readonly ms: number }
  /** Sends a 103. */
  | { readonly kind: "hints" }
  /** Ends the body; a run of steps that is over does it too. */
  | { readonly kind: "end" }
  /** Bytes on the connection, outside of any response. */
  | { readonly kind: "raw"; readonly text: string }
  /** Ends the connection with a TCP reset. Nothing follows. */
  | { readonly kind: "reset" }
  /** Ends the connection in good order, whatever the response still lacks. Nothing follows. */
  | { readonly kind: "close" };

export const END: Step = { kind: "end" };
export const RESET: Step = { kind: "reset" };
export const CLOSE: Step = { kind: "close" };
export const SILENCE: Step = { kind: "wait", ms: Infinity };

export function wait(ms: number): Step {
  return { kind: "wait", ms };
}

export function isHead(step: Step): step is Head {
  return typeof step === "object" && "kind" in step && step.kind === "head";
}

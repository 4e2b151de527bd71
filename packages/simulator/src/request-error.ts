/** A call that the simulator refuses of its own accord, in OpenAI's words. */
export class RequestError extends Error {
  readonly status: number;
  readonly param: string | null;
  readonly code: string | null;

  constructor(message: string, param: string | null = null, code: string | null = null, status = 400) {
    super(message);
    this.status = status;
    this.param = param;
    this.code = code;
  }
}

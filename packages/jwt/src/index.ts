export type { Claims, JwtOptions } from "./jwt.ts";
export { jwt } from "./jwt.ts";

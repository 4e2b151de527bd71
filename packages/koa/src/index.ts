export { toKoa } from "./to-koa.ts";

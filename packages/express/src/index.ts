export { toExpress } from "./to-express.ts";

// Loaded before a block of the docs: its servers listen on any free port, and do not keep the process alive.
import { Server } from "node:net";

const listen = Server.prototype.listen;
Server.prototype.listen = function (this: Server, ...[first, ...rest]: unknown[]): Server {
  const anyPort = typeof first === "object" && first !== null ? { ...first, port: 0 } : 0;
  Reflect.apply(listen, this, [anyPort, ...rest]);
  return this.unref();
};

/** One process of the soak: `provider SEED`, `gateway PROVIDER_URL SLOTS` or `client SEED`. */
const [role, first = "", second = ""] = process.argv.slice(2);
if (role === "provider") await (await import("./soak/provider.ts")).runProvider(Number(first));
else if (role === "gateway") await (await import("./soak/gateway.ts")).runGateway(first, Number(second));
else if (role === "client") (await import("./soak/client.ts")).runClient(Number(first));
else throw new Error(`There is no process "${role}".`);

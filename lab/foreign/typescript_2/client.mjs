// The official TypeScript SDK 2.x.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { run } from "../calls.mjs";

await run(Client, StreamableHTTPClientTransport, (client, call) => client.callTool(call));

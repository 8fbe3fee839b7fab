// The official TypeScript SDK 1.x.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { run } from "../calls.mjs";

await run(Client, StreamableHTTPClientTransport, (client, call) => client.callTool(call));

// The official TypeScript SDK 1.x.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { run } from "../calls.mjs";

const callTool = (client, call, options) => client.callTool(call, undefined, options);
await run(Client, StreamableHTTPClientTransport, callTool);

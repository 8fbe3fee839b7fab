// The official TypeScript SDK 2.x.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { run } from "../calls.mjs";

const callTool = (client, call, options) => client.callTool(call, options);
await run(Client, StreamableHTTPClientTransport, callTool);

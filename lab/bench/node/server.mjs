// The TypeScript SDK's server with the tools of the comparison: node server.mjs PORT [--many] [--session]
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';

const [port, ...flags] = process.argv.slice(2);
const many = flags.includes('--many');
const session = flags.includes('--session');
const LARGE = { rows: Array.from({ length: 1000 }, (_, number) => ({ number, text: 'x'.repeat(80) })) };

// Made once, as a careful author would; the SDK wants a server for each request all the same.
const pair = z.object({ a: z.number().int(), b: z.number().int() });
const query = z.object({ query: z.string(), limit: z.number().int().default(10), exact: z.boolean().default(false) });
const sum = z.object({ result: z.number().int() });

function text(value, structured) {
    return { content: [{ type: 'text', text: value }], structuredContent: structured };
}

function made() {
    const server = new McpServer({ name: 'bench', version: '1' });
    if (many) {
        for (let number = 0; number < 100; number++) {
            const name = `tool_${String(number).padStart(3, '0')}`;
            const description = `Look number ${number} up by a query, at most so many, in part or exactly.`;
            server.registerTool(name, { description, inputSchema: query }, async ({ query }) => text(query));
        }
        return server;
    }
    const description = 'Add two whole numbers.';
    server.registerTool('add', { description, inputSchema: pair, outputSchema: sum }, async ({ a, b }) =>
        text(String(a + b), { result: a + b })
    );
    server.registerTool('large', { description: 'A result of 100 KB.' }, async () => text(JSON.stringify(LARGE), LARGE));
    server.registerTool('steps', { description: 'Report progress ten times.' }, async context => {
        const token = context?.mcpReq?._meta?.progressToken;
        for (let step = 0; token !== undefined && step < 10; step++) {
            await context.mcpReq.notify({
                method: 'notifications/progress',
                params: { progressToken: token, progress: step, total: 10 }
            });
        }
        return text('done');
    });
    const plain = { mimeType: 'text/plain' };
    server.registerResource('text', 'bench://text', plain, async uri => ({
        contents: [{ uri: uri.href, mimeType: 'text/plain', text: 'x'.repeat(200) }]
    }));
    server.registerPrompt('greet', { argsSchema: z.object({ name: z.string() }) }, async ({ name }) => ({
        messages: [{ role: 'user', content: { type: 'text', text: `Hello, ${name}.` } }]
    }));
    return server;
}

// Clients of the older era are answered in JSON too, as everywhere in the comparison.
const handler = toNodeHandler(createMcpHandler(made, { responseMode: 'json' }));

async function legacy(request, response) {
    const transport = new NodeStreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
    const server = made();
    response.on('close', () => server.close());
    await server.connect(transport);
    await transport.handleRequest(request, response);
}

// Sessions as the SDK's examples keep them: a server and a transport each, in this process.
const transports = new Map();

async function stateful(request, response) {
    const id = request.headers['mcp-session-id'];
    let transport = transports.get(id);
    if (id !== undefined && transport === undefined) {
        response.writeHead(404).end();
        return;
    }
    if (transport === undefined) {
        transport = new NodeStreamableHTTPServerTransport({
            sessionIdGenerator: randomUUID,
            enableJsonResponse: true,
            onsessioninitialized: opened => transports.set(opened, transport)
        });
        await made().connect(transport);
    }
    await transport.handleRequest(request, response);
}

createServer((request, response) => {
    if (session) {
        return stateful(request, response);
    }
    const version = request.headers['mcp-protocol-version'];
    return version === '2026-07-28' ? handler(request, response) : legacy(request, response);
}).listen(Number(port), '127.0.0.1');

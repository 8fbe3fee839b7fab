"""What a request costs, beside FastMCP, the SDK's server class, the TypeScript SDK and bare HTTP."""

"""A hundred tools, for the length of the list alone."""

from fastmcp.tools import tool


def _made(number: int) -> object:
    async def work(query: str, limit: int = 10, exact: bool = False) -> str:
        return query

    work.__name__ = work.__qualname__ = f"tool_{number:03d}"
    work.__doc__ = f"Look number {number} up by a query, at most so many, in part or exactly."
    return tool(work)


for _number in range(100):
    globals()[f"tool_{_number:03d}"] = _made(_number)

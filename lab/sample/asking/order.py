"""Components that ask, each written once for both eras."""

import asyncio
import logging
from dataclasses import dataclass

import mcp_types as types
from fastmcp import Context
from fastmcp.prompts import prompt
from fastmcp.resources import resource
from fastmcp.tools import tool
from pydantic import BaseModel, Field

from mcp_swarm import ask

logger = logging.getLogger(__name__)


class Size(BaseModel):
    """What the user fills in."""

    width: int = Field(ge=1, le=100)
    unit: str = "cm"


@dataclass
class Colour:
    """The same as a dataclass."""

    name: str


@tool
async def order(ctx: Context, what: str) -> str:
    """Ask for a size, a colour and a yes; `what` was ordered only then."""
    logger.info("order runs")
    size = await ask.form(ctx, "size", f"Which size of {what}?", Size)
    if not size:
        return f"size: {size.action}"
    colour = await ask.form(ctx, "colour", "Which colour?", Colour)
    if not colour:
        return f"colour: {colour.action}"
    if not await ask.confirm(ctx, "sure", f"Order {what} of {size.data.width} {size.data.unit}?"):
        return "not ordered"
    logger.info("ordered %s", what)
    return f"{what}, {size.data.width} {size.data.unit}, {colour.data.name}"


@tool
async def pick(ctx: Context) -> str:
    """Ask for one of several words, one with a title, and a number."""
    word = await ask.form(ctx, "word", "Which?", ["red", "blue"])
    size = await ask.form(ctx, "size", "How big?", {"s": {"title": "Small"}, "l": {"title": "Big"}})
    number = await ask.form(ctx, "number", "How many?", int)
    return f"{word and word.data} {size and size.data} {number and number.data}"


@tool
async def both_at_once(ctx: Context) -> str:
    """Ask two questions in a task group."""
    async with asyncio.TaskGroup() as group:
        one = group.create_task(ask.form(ctx, "one", "One?", int))
        two = group.create_task(ask.form(ctx, "two", "Two?", int))
    first, second = one.result(), two.result()
    return f"{first.data} {second.data}" if first and second else "refused"


@tool
async def careful(ctx: Context) -> str:
    """Ask with a broad except around it, and do without where nobody can be asked."""
    try:
        answer = await ask.form(ctx, "name", "Name?", str)
    except ask.NotAnswered as error:
        return f"without: {error}"
    except Exception as error:
        return f"a question was taken for a failure: {error}"
    return f"name: {answer.data if answer else answer.action}"


@tool
async def think(ctx: Context, about: str) -> str:
    """Have the client's model say something."""
    reply = await ask.sample(ctx, "thought", f"Think about {about}.", system="Be brief.")
    return f"{reply.data.model}: {reply.data.text}" if reply else f"refused: {reply.action}"


@tool
async def where(ctx: Context) -> list[str]:
    """The client's folders."""
    return [str(root.uri) for root in await ask.roots(ctx, "roots")]


@tool
async def log_in(ctx: Context) -> str:
    """Send the user to an address."""
    answer = await ask.url(ctx, "login", "Please log in.", "https://example.com/login")
    return answer.action


@tool
async def twice_one_key(ctx: Context) -> str:
    """Two questions by one key, which is a mistake."""
    await ask.form(ctx, "same", "One?", int)
    await ask.form(ctx, "same", "Two?", int)
    return "done"


@tool
async def elicit_directly(ctx: Context) -> str:
    """Ask by FastMCP's own call, which only sessions have."""
    return (await ctx.elicit("Name?", bool)).action


@tool
async def think_directly(ctx: Context) -> str:
    """Ask by the SDK's own call, which only sessions have."""
    said = types.SamplingMessage(role="user", content=types.TextContent(type="text", text="rain"))
    return str(await ctx.session.create_message(messages=[said], max_tokens=5))


@prompt
async def greeting(ctx: Context) -> str:
    """A prompt that asks whom to greet."""
    name = await ask.form(ctx, "name", "Whom?", str)
    return f"Greet {name.data}." if name else "Greet nobody."


@resource("asking://report")
async def report(ctx: Context) -> str:
    """A resource that asks what it is to report on."""
    about = await ask.form(ctx, "about", "About what?", str)
    return f"Report on {about.data}" if about else "No report"


PRICE = ["10"]


@tool
async def pay(ctx: Context) -> str:
    """Ask for a yes to the price of this moment."""
    price = PRICE[0]
    return f"paid {price}" if await ask.confirm(ctx, "pay", f"Pay {price}?") else "kept"


@tool
async def set_price(price: str) -> str:
    """Change what `pay` asks for."""
    PRICE[0] = price
    return "set"


@tool
async def never_the_same(ctx: Context) -> str:
    """Ask something else in each round, which cannot end."""
    PRICE[0] += "0"
    await ask.confirm(ctx, "again", f"Pay {PRICE[0]}?")
    return "done"


@tool
async def ask_then_work(ctx: Context, seconds: float) -> str:
    """Ask, then take some time."""
    await ask.confirm(ctx, "sure", "Sure?")
    await asyncio.sleep(seconds)
    return "worked"

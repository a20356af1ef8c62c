"""A server of tools on the official MCP SDK, at /mcp, in 2026-07-28 (SDK 2) or with sessions (SDK 1).

Called with a suffix for the names of its tools, and with `json` or `events`, as its answers come. It prints its URL once it listens, and tells at /ledger which
tools were called and which calls were cancelled.
"""

import asyncio
import socket
import sys
import warnings

import uvicorn
from pydantic import BaseModel
from starlette.responses import JSONResponse
from starlette.routing import Route

try:
    from mcp.server import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
except ImportError:
    from mcp.server.fastmcp import FastMCP
    from mcp.server.fastmcp.exceptions import ToolError

warnings.simplefilter("ignore")

SUFFIX, EVENTS = sys.argv[1], sys.argv[2] == "events"
ledger = []


class Credit(BaseModel):
    score: int
    applicant_id: str


def build():
    try:
        server = MCPServer("foreign-tools", version="1")
        return server, lambda: server.streamable_http_app(json_response=not EVENTS)
    except NameError:
        server = FastMCP("foreign-tools", json_response=not EVENTS)
        return server, server.streamable_http_app


def main():
    server, app = build()

    @server.tool(name=f"check_credit.{SUFFIX}")
    async def check_credit(applicant_id: str, amount: int) -> Credit:
        """Check the credit of an applicant."""
        ledger.append({"did": "call", "tool": "check_credit", "amount": amount})
        return Credit(score=700, applicant_id=applicant_id)

    @server.tool(name=f"say.{SUFFIX}", structured_output=False)
    async def say(applicant_id: str, amount: int):
        """Say something."""
        ledger.append({"did": "call", "tool": "say"})
        return "as you wish"

    @server.tool(name=f"fail.{SUFFIX}")
    async def fail(applicant_id: str, amount: int) -> str:
        """Fail."""
        ledger.append({"did": "call", "tool": "fail"})
        raise ToolError("no funds")

    @server.tool(name=f"stuck.{SUFFIX}")
    async def stuck(applicant_id: str, amount: int) -> str:
        """Never end."""
        ledger.append({"did": "call", "tool": "stuck"})
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            ledger.append({"did": "cancel", "tool": "stuck"})
            raise
        return "done"

    async def told(_):
        return JSONResponse(ledger)

    whole = app()
    whole.router.routes.append(Route("/ledger", told))
    listener = socket.create_server(("127.0.0.1", 0))
    process = uvicorn.Server(uvicorn.Config(whole, log_level="critical", lifespan="on"))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)

    def follow():
        # Whoever started us holds our input open; when they go, so do we.
        sys.stdin.read()
        process.force_exit = process.should_exit = True

    loop = asyncio.new_event_loop()
    loop.run_in_executor(None, follow)
    loop.run_until_complete(process.serve(sockets=[listener]))


if __name__ == "__main__":
    main()

"""A client on the official MCP SDK that looks at Concordat through its tools, in the version that it is told.

It reads what it needs as JSON and prints what it saw as JSON; whether that is right is for who started it.
"""

import asyncio
import json
import sys

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

told = json.load(sys.stdin)


def called(result):
    return {"error": bool(result.is_error), "data": result.structured_content}


async def refused(client, name, arguments):
    try:
        return called(await client.call_tool(name, arguments))
    except Exception as error:  # whatever it is, it is told
        return {"error": type(error).__name__, "text": str(error)}


async def with_key(key, work):
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"}) as http:
        transport = streamable_http_client(told["url"] + "/mcp", http_client=http)
        async with Client(transport, mode=told["mode"]) as client:
            return await work(client)


async def everything(client):
    seen = {"version": client.protocol_version, "instructions": client.instructions}
    listed = (await client.list_tools()).tools
    seen["tools"] = {tool.name: tool.annotations.read_only_hint for tool in listed}
    seen["schemas"] = all(tool.input_schema["additionalProperties"] is False for tool in listed)
    work = {"document": told["work"]}
    seen["planned"] = called(await client.call_tool("plan", work))
    seen["tried"] = called(await client.call_tool("submit", work))
    seen["without_key"] = await refused(client, "submit", {**work, "dryRun": False})
    real = {**work, "dryRun": False, "idempotencyKey": "k-" + told["mode"]}
    seen["submitted"] = called(await client.call_tool("submit", real))
    seen["again"] = called(await client.call_tool("submit", real))
    run = {"run": seen["submitted"]["data"]["contracts"][0]["run"]}
    seen["got"] = called(await client.call_tool("get_contract", run))
    seen["why"] = called(await client.call_tool("why", run))
    seen["found"] = called(await client.call_tool("search_contracts", {"limit": 5}))
    seen["missing"] = await refused(client, "get_contract", {"run": told["foreign"]})
    seen["odd"] = await refused(client, "plan", {"document": {"template": "nothing-like-it"}})
    seen["unknown"] = await refused(client, "approve", {"review": "rev_x"})
    return seen


async def main():
    seen = await with_key(told["submitter"], everything)
    submit = {"document": told["work"], "dryRun": False, "idempotencyKey": "v"}
    seen["may_not"] = await with_key(told["viewer"], lambda client: refused(client, "submit", submit))
    try:
        await with_key("cdt_wrong", lambda client: client.list_tools())
        seen["wrong_key"] = "let in"
    except BaseException as error:
        seen["wrong_key"] = type(error).__name__
    print(json.dumps(seen))


asyncio.run(main())

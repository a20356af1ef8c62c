"""An agent on the official A2A SDK, over JSON-RPC (/rpc) and HTTP+JSON (/rest), in 1.0 and 0.3.

What it does is named by the skill in the message's metadata. It prints its URL once it listens, signs its card with a
key of its own (the public half is at /key.pem), and tells at /ledger what it was asked.
"""

import asyncio
import json
import socket
import sys
import warnings

import httpx
import uvicorn
from a2a.helpers.proto_helpers import (
    get_data_parts,
    get_text_parts,
    new_data_message,
    new_data_part,
    new_task_from_user_message,
    new_text_message,
    new_text_part,
)
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import (
    create_agent_card_routes,
    create_jsonrpc_routes,
    create_rest_routes,
)
from a2a.server.tasks import (
    BasePushNotificationSender,
    InMemoryPushNotificationConfigStore,
    InMemoryTaskStore,
    TaskUpdater,
)
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentProvider,
    AgentSkill,
    Role,
    TaskState,
)
from a2a.utils.signing import create_agent_card_signer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.json_format import MessageToDict
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

warnings.simplefilter("ignore")

SKILLS = "answer fail reject stop ask ponder nag login slow stuck say chunks raise file".split()
ledger = []


class Agent(AgentExecutor):
    async def execute(self, context, queue):
        metadata = MessageToDict(context.message.metadata).get("concordat", {})
        # One program plays several registered agents, told apart by what follows the point.
        skill = metadata.get("skill", "").partition(".")[0]
        params = [*get_data_parts(context.message.parts), *get_text_parts(context.message.parts)][0]
        known = context.current_task
        ledger.append(
            {
                "did": "execute",
                "skill": skill,
                "params": params,
                "message": context.message.message_id,
                "context": context.context_id,
                "task": context.task_id,
                "goes_on": known is not None,
                "decision": metadata.get("decision"),
            }
        )
        if skill == "say":
            await queue.enqueue_event(new_data_message({"said": params}, role=Role.ROLE_AGENT))
            return
        if skill == "raise":
            raise RuntimeError("the agent fell over")
        if known is None:
            await queue.enqueue_event(new_task_from_user_message(context.message))
        task = TaskUpdater(queue, context.task_id, context.context_id)
        await task.start_work()
        say = lambda text: task.new_agent_message([new_text_part(text)])
        if skill == "answer":
            await task.add_artifact([new_text_part("as asked"), new_data_part({"score": 700, "echo": params})])
            await task.complete()
        elif skill == "slow":
            await asyncio.sleep(1)
            await task.add_artifact([new_data_part({"score": 1})])
            await task.complete()
        elif skill == "stuck":
            await asyncio.sleep(3600)
        elif skill == "chunks":
            for number, text in enumerate(["one ", "two ", "three"]):
                await task.add_artifact([new_text_part(text)], artifact_id="a", append=number > 0)
            await task.complete()
        elif skill == "file":
            await task.complete(say("see the file"))
        elif skill == "fail":
            await task.failed(say("no funds"))
        elif skill == "reject":
            await task.reject(say("not my job"))
        elif skill == "stop":
            await task.cancel(say("enough"))
        elif skill == "ask" and known is not None:
            await task.add_artifact([new_data_part({"told": params})])
            await task.complete()
        elif skill == "ask":
            await task.requires_input(say("which year?"))
        elif skill == "ponder" and known is not None:
            await asyncio.sleep(1)
            await task.add_artifact([new_data_part({"told": params})])
            await task.complete()
        elif skill == "ponder":
            await task.requires_input(say("how long?"))
        elif skill == "nag":
            await task.requires_input(say("are you sure?"))
        elif skill == "login":
            await task.requires_auth(say("who are you?"))

    async def cancel(self, context, queue):
        ledger.append({"did": "cancel", "task": context.task_id})
        await TaskUpdater(queue, context.task_id, context.context_id).cancel()


def card(url, key):
    def interface(path, binding, version):
        return AgentInterface(url=url + path, protocol_binding=binding, protocol_version=version)

    bare = AgentCard(
        name="Foreign Bureau",
        description="An agent that we did not write. \u00fcber",
        version="2.1.0",
        provider=AgentProvider(organization="bureau.example", url="https://bureau.example"),
        supported_interfaces=[
            interface("/grpc", "GRPC", "1.0"),
            interface("/rest", "HTTP+JSON", "1.0"),
            interface("/rpc", "JSONRPC", "1.0"),
            interface("/rpc", "JSONRPC", "0.3"),
        ],
        capabilities=AgentCapabilities(streaming=True, push_notifications=True),
        default_input_modes=["application/json"],
        default_output_modes=["application/json", "text/plain"],
        skills=[AgentSkill(id=skill, name=skill, description=f"to {skill}", tags=["test"]) for skill in SKILLS],
    )
    return create_agent_card_signer(key, {"alg": "ES256", "kid": "k1", "jku": None, "typ": "JOSE"})(bare)


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed = card(url, key)
    hooks = InMemoryPushNotificationConfigStore()

    async def answered(response):
        ledger.append({"did": "push", "url": str(response.request.url), "status": response.status_code})

    caller = httpx.AsyncClient(event_hooks={"response": [answered]})
    handler = DefaultRequestHandler(
        agent_executor=Agent(),
        task_store=InMemoryTaskStore(),
        agent_card=signed,
        push_config_store=hooks,
        push_sender=BasePushNotificationSender(caller, hooks),
    )

    async def told(_):
        return JSONResponse(ledger)

    async def public_key(_):
        return PlainTextResponse(pem)

    routes = [
        Route("/ledger", told),
        Route("/key.pem", public_key),
        *create_agent_card_routes(signed),
        *create_jsonrpc_routes(handler, "/rpc", enable_v0_3_compat=True),
        *create_rest_routes(handler, path_prefix="/rest"),
    ]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="critical", lifespan="off"))
    print(url, flush=True)
    # Whoever started us holds our input open; when they go, so do we.
    loop = asyncio.new_event_loop()
    loop.run_in_executor(None, lambda: (sys.stdin.read(), setattr(server, "force_exit", True), setattr(server, "should_exit", True)))
    loop.run_until_complete(server.serve(sockets=[listener]))


if __name__ == "__main__":
    main()

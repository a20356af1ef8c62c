"""A client on the official A2A SDK that hands contracts to Concordat, over the binding and with the keys that it is told.

It reads what it needs as JSON and prints what it saw as JSON; whether that is right is for who started it.
"""

import asyncio
import json
import sys
import uuid

import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.client.auth import AuthInterceptor, InMemoryContextCredentialStore
from a2a.client.client import ClientCallContext
from a2a.helpers.proto_helpers import get_data_parts, get_text_parts
from a2a.types import (
    CancelTaskRequest,
    GetExtendedAgentCardRequest,
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    SubscribeToTaskRequest,
    TaskState,
)
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value

told = json.load(sys.stdin)
URL = told["url"]
seen = {}


def message(data, id=None, **more):
    part = Part(data=ParseDict(data, Value())) if not isinstance(data, str) else Part(text=data)
    return Message(message_id=id or str(uuid.uuid4()), role=Role.ROLE_USER, parts=[part], **more)


def short(task):
    said = task.status.message
    return {
        "id": task.id,
        "context": task.context_id,
        "state": TaskState.Name(task.status.state),
        "text": " ".join(get_text_parts(said.parts)),
        "data": get_data_parts(said.parts),
        "artifacts": [get_data_parts(artifact.parts) for artifact in task.artifacts],
    }


class Caller:
    """Somebody with a key, as the SDK has it: found in the card, sent with each call."""

    def __init__(self, card, key, streaming):
        self.keys = InMemoryContextCredentialStore()
        self.key = key
        config = ClientConfig(streaming=streaming, supported_protocol_bindings=[told["binding"]])
        self.client = ClientFactory(config).create(card, [AuthInterceptor(self.keys)])
        self.context = ClientCallContext(state={"sessionId": "s"}, timeout=60)

    async def ready(self):
        await self.keys.set_credentials("s", "key", self.key)
        return self

    async def send(self, message, at_once=False):
        how = SendMessageConfiguration(return_immediately=at_once)
        request = SendMessageRequest(message=message, configuration=how)
        return [event async for event in self.client.send_message(request, context=self.context)]

    async def get(self, id):
        return await self.client.get_task(GetTaskRequest(id=id), context=self.context)


async def refused(call):
    try:
        await call
    except Exception as error:  # whatever it is, it is told
        data = getattr(error, "data", None)
        return {"error": type(error).__name__, "text": str(error), "data": data}
    return {"error": None}


class Following:
    """A task that is followed from now on: its first event is here when this is."""

    @staticmethod
    async def of(caller, id):
        self = Following()
        self.stream = caller.client.subscribe(SubscribeToTaskRequest(id=id), context=caller.context)
        self.first = await anext(self.stream)
        return self

    async def to_the_end(self):
        return kinds([self.first] + [event async for event in self.stream])


def kinds(events):
    found = []
    for event in events:
        kind = event.WhichOneof("payload")
        if kind == "status_update":
            kind = TaskState.Name(event.status_update.status.state)
        found.append(kind)
    return found


async def until(caller, id, states):
    while True:
        task = short(await caller.get(id))
        if task["state"] in states:
            return task
        await asyncio.sleep(0.02)


async def approve(id):
    """A reviewer answers over the API of our own."""
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {told['reviewer']}"}) as client:
        reviews = (await client.get(f"{URL}/v1/reviews")).json()["items"]
        [review] = [review for review in reviews if review["run"] == id]
        answer = {"verdict": "approve", "payload": review["payload"], "reason": "it is as it should be"}
        (await client.post(f"{URL}/v1/reviews/{review['id']}:decide", json=answer)).raise_for_status()


async def main():
    async with httpx.AsyncClient() as plain:
        card = await A2ACardResolver(plain, URL).get_agent_card()
    seen["card"] = [[i.url, i.protocol_binding, i.protocol_version] for i in card.supported_interfaces]
    seen["skills"] = [skill.id for skill in card.skills]
    sam = await Caller(card, told["submitter"], False).ready()
    live = await Caller(card, told["submitter"], True).ready()
    other = await Caller(card, told["stranger"], False).ready()
    wrong = await Caller(card, "cdt_wrong", False).ready()
    extended = await sam.client.get_extended_agent_card(GetExtendedAgentCardRequest(), context=sam.context)
    seen["extended"] = [skill.id for skill in extended.skills]

    [whole] = await sam.send(message(told["work"], "m-1", context_id="quarter-3"))
    seen["blocking"] = short(whole.task)
    [again] = await sam.send(message(told["work"], "m-1", context_id="quarter-3"))
    seen["again"] = short(again.task)
    seen["changed"] = await refused(sam.send(message(told["denied"], "m-1")))

    [begun] = await sam.send(message(told["hang"]), at_once=True)
    hanging = begun.task.id
    seen["at_once"] = (await until(sam, hanging, ["TASK_STATE_WORKING"]))["state"]
    seen["foreign"] = await refused(other.get(hanging))
    following = await Following.of(live, hanging)
    cancelled = await sam.client.cancel_task(
        CancelTaskRequest(id=hanging, metadata={"reason": "no longer wanted"}), context=sam.context
    )
    seen["cancelled"] = short(cancelled)
    seen["cancelled_end"] = await until(sam, hanging, ["TASK_STATE_CANCELED"])
    seen["cancelled_again"] = await refused(
        sam.client.cancel_task(CancelTaskRequest(id=hanging), context=sam.context)
    )
    seen["followed"] = await following.to_the_end()
    seen["subscribed_late"] = await refused(Following.of(live, hanging))
    seen["after_the_end"] = await refused(sam.send(message(told["work"], task_id=hanging)))

    events = await live.send(message(told["work"], "m-2"))
    seen["stream"] = kinds(events)
    seen["streamed"] = [
        get_data_parts(event.artifact_update.artifact.parts) for event in events if event.HasField("artifact_update")
    ]

    [asked] = await sam.send(message(told["asked"]))
    seen["asked"] = short(asked.task)
    watching = await Following.of(live, asked.task.id)
    seen["answered_by_message"] = await refused(sam.send(message({"yes": True}, task_id=asked.task.id)))
    await approve(asked.task.id)
    seen["approved"] = await until(sam, asked.task.id, ["TASK_STATE_COMPLETED"])
    seen["watched"] = await watching.to_the_end()

    [denied] = await sam.send(message(told["denied"]))
    seen["denied"] = short(denied.task)

    seen["words"] = await refused(sam.send(message("please check the credit of ap-1")))
    seen["wrong_document"] = await refused(sam.send(message({"template": "nothing-like-it", "input": {}})))
    seen["wrong_key"] = await refused(wrong.send(message(told["work"])))
    seen["no_context"] = await refused(sam.send(message(told["work"], context_id="Not\nA Context")))
    seen["may_not"] = await refused(
        (await Caller(card, told["reviewer"], False).ready()).send(message(told["work"]))
    )

    listed, token = [], ""
    while True:
        page = await sam.client.list_tasks(ListTasksRequest(page_size=2, page_token=token), context=sam.context)
        listed.append([short(task) for task in page.tasks])
        seen["total"] = page.total_size
        token = page.next_page_token
        if not token:
            break
    seen["pages"] = [len(page) for page in listed]
    seen["listed"] = [task["id"] for page in listed for task in page]
    seen["without_artifacts"] = all(not task["artifacts"] for page in listed for task in page)
    mine = await sam.client.list_tasks(ListTasksRequest(context_id="quarter-3"), context=sam.context)
    seen["in_context"] = [task.id for task in mine.tasks]
    over = await sam.client.list_tasks(
        ListTasksRequest(status=TaskState.TASK_STATE_CANCELED, include_artifacts=True), context=sam.context
    )
    seen["cancelled_ones"] = [task.id for task in over.tasks]
    theirs = await other.client.list_tasks(ListTasksRequest(), context=other.context)
    seen["strangers"] = len(theirs.tasks)
    print(json.dumps(seen))


asyncio.run(main())

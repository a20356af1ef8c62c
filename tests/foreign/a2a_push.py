"""A client on the official A2A SDK that wants to be told by webhook how its tasks stand.

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
from a2a.types import (
    AuthenticationInfo,
    DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest,
    ListTaskPushNotificationConfigsRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    TaskPushNotificationConfig,
)
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Value

told = json.load(sys.stdin)
seen = {}


def hook(**more):
    known = AuthenticationInfo(scheme="Bearer", credentials=told["credentials"])
    return TaskPushNotificationConfig(url=told["hook"], token=told["token"], authentication=known, **more)


async def refused(call):
    try:
        await call
    except Exception as error:  # whatever it is, it is told
        return {"error": type(error).__name__, "text": str(error)}
    return {"error": None}


async def main():
    async with httpx.AsyncClient() as plain:
        card = await A2ACardResolver(plain, told["url"]).get_agent_card()
    seen["declared"] = card.capabilities.push_notifications
    keys = InMemoryContextCredentialStore()
    await keys.set_credentials("s", "key", told["key"])
    config = ClientConfig(streaming=False, supported_protocol_bindings=[told["binding"]])
    client = ClientFactory(config).create(card, [AuthInterceptor(keys)])
    context = ClientCallContext(state={"sessionId": "s"}, timeout=60)

    async def send(config):
        part = Part(data=ParseDict(told["work"], Value()))
        message = Message(message_id=str(uuid.uuid4()), role=Role.ROLE_USER, parts=[part])
        how = SendMessageConfiguration(return_immediately=True, task_push_notification_config=config)
        request = SendMessageRequest(message=message, configuration=how)
        return [event async for event in client.send_message(request, context=context)]

    [begun] = await send(hook(id="first"))
    task = begun.task.id
    seen["task"] = task
    where = {"task_id": task, "id": "second"}
    made = await client.create_task_push_notification_config(hook(**where), context=context)
    seen["made"] = MessageToDict(made)
    got = await client.get_task_push_notification_config(
        GetTaskPushNotificationConfigRequest(**where), context=context
    )
    seen["got"] = MessageToDict(got)
    listed = await client.list_task_push_notification_configs(
        ListTaskPushNotificationConfigsRequest(task_id=task), context=context
    )
    seen["listed"] = sorted(config.id for config in listed.configs)
    for _ in range(2):
        await client.delete_task_push_notification_config(
            DeleteTaskPushNotificationConfigRequest(**where), context=context
        )
    left = await client.list_task_push_notification_configs(
        ListTaskPushNotificationConfigsRequest(task_id=task), context=context
    )
    seen["left"] = [config.id for config in left.configs]
    seen["gone"] = await refused(
        client.get_task_push_notification_config(GetTaskPushNotificationConfigRequest(**where), context=context)
    )
    seen["inside"] = await refused(send(TaskPushNotificationConfig(url="https://169.254.169.254/latest")))
    seen["plain"] = await refused(send(TaskPushNotificationConfig(url="http://hook.example/in")))
    seen["nothing"] = await refused(
        client.create_task_push_notification_config(hook(task_id="run_nothing"), context=context)
    )
    print(json.dumps(seen))


asyncio.run(main())

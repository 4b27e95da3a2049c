"""Calls services of gRPC as it is told: a list of steps in JSON comes on standard input, what became of each goes out.

Arguments: the address, and the folder of the protos. Everything of gRPC is grpcio's, and messages are protobuf's; what is
generated of the protos is made by grpcio-tools when it starts.
"""

import json
import sys

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_status import rpc_status

ADDRESS, PROTOS = sys.argv[1:]
sys.path.insert(0, PROTOS)
messages, services = grpc.protos_and_services("doorward/users/v1/users.proto")

SERVICE = "doorward.users.v1.UsersService"
# How long a call may take, in seconds.
TIME_MAX = 60
# How many calls are under way at the same time where many are made.
AT_ONCE = 16


def ended(call, answers):
    """How a call has ended, with its answers so far. Details are taken from the trailers by grpcio-status."""
    told = {"code": call.code().name, "message": call.details(), "answers": answers}
    status = rpc_status.from_call(call)
    for detail in status.details if status else []:
        for name in ["ErrorInfo", "BadRequest", "RetryInfo"]:
            message = getattr(error_details_pb2, name)()
            if detail.Unpack(message):
                told[name] = json_format.MessageToDict(message)
    fields = call.initial_metadata() or []
    # What ends with -bin is bytes.
    told["fields"] = {key: value for key, value in fields if isinstance(value, str)}
    return told


def read(message):
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def metadata(step):
    return [tuple(pair) for pair in step.get("metadata", [])]


def single(method, message, step, **options):
    try:
        answer, call = method.with_call(message, metadata=metadata(step), timeout=TIME_MAX, **options)
        return ended(call, [read(answer) if hasattr(answer, "DESCRIPTOR") else answer.hex()])
    except grpc.RpcError as error:
        return ended(error, [])


def stream(call):
    answers = []
    try:
        for answer in call:
            answers.append(read(answer))
    except grpc.RpcError:
        pass
    return ended(call, answers)


def reflected(channel, step):
    """What reflection tells, and a call that is made of nothing else."""
    pairs = metadata(step)

    class WithMetadata(grpc.StreamStreamClientInterceptor):
        def intercept_stream_stream(self, continuation, details, requests):
            return continuation(details._replace(metadata=pairs), requests)

    try:
        database = ProtoReflectionDescriptorDatabase(grpc.intercept_channel(channel, WithMetadata()))
        names = list(database.get_services())
    except grpc.RpcError as error:
        return ended(error, [])
    service = descriptor_pool.DescriptorPool(database).FindServiceByName(SERVICE)
    method = service.FindMethodByName("GetUser")
    asked, told = map(message_factory.GetMessageClass, [method.input_type, method.output_type])
    call = channel.unary_unary(f"/{SERVICE}/{method.name}", asked.SerializeToString, told.FromString)
    return {"services": names, "got": single(call, asked(id="me"), step)}


def many(stub, step):
    """Creates so many users, and says how many of the calls ended how."""
    codes = {}
    numbers = iter(range(step["many"]))
    under_way = []

    def begin():
        number = next(numbers, None)
        if number is not None:
            message = messages.CreateUserRequest(
                name=f"User {number:05}", email=f"user-{number}@example.com"
            )
            under_way.append(
                stub.CreateUser.future(message, metadata=metadata(step), timeout=TIME_MAX)
            )

    for _ in range(AT_ONCE):
        begin()
    while under_way:
        code = under_way.pop(0).code().name
        codes[code] = codes.get(code, 0) + 1
        begin()
    return codes


def take(channel, step):
    stub = services.UsersServiceStub(channel)
    if "get" in step:
        return single(stub.GetUser, messages.GetUserRequest(id=step["get"]), step)
    if "create" in step:
        message = json_format.ParseDict(step["create"], messages.CreateUserRequest())
        options = {"compression": grpc.Compression.Gzip} if step.get("compressed") else {}
        return single(stub.CreateUser, message, step, **options)
    if "list" in step:
        message = json_format.ParseDict(step["list"], messages.ListUsersRequest())
        return stream(stub.ListUsers(message, metadata=metadata(step), timeout=TIME_MAX))
    if "many" in step:
        return many(stub, step)
    if "health" in step:
        message = health_pb2.HealthCheckRequest(service=step["health"])
        return single(health_pb2_grpc.HealthStub(channel).Check, message, step)
    if "watch" in step:
        message = health_pb2.HealthCheckRequest(service=step["watch"])
        return stream(health_pb2_grpc.HealthStub(channel).Watch(message, timeout=TIME_MAX))
    if "reflection" in step:
        return reflected(channel, step)
    # Bytes in the place of a message.
    return single(channel.unary_unary(step["path"]), bytes.fromhex(step["bytes"]), step)


with grpc.insecure_channel(ADDRESS) as channel:
    json.dump([take(channel, step) for step in json.load(sys.stdin)], sys.stdout)

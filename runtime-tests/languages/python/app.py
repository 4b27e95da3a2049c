"""An application for tests: says what reached it, sends bodies back, and misbehaves when it is asked to.

What the path ends with says what it does:

- body      answers with the request's body, as a stream
- hash      reads the request's body as a stream, and answers with its length and its SHA-256, as JSON
- grants    answers with what it may use, through every interface that there is for it, as JSON
- raise     raises an exception before it answers
- abort     ends the instance before it answers
- absent    calls an interface that not every host has
- never     does not answer

Everything else answers with method, target and header fields, as JSON.
"""

import hashlib
import json
import os

import componentize_py_async_support
from componentize_py_types import Err, Ok
from spin_sdk import wit
from spin_sdk.wit.exports import HttpHandler as Base
from spin_sdk.wit.imports import (
    fermyon_spin_key_value_2_0_0 as key_value_2,
    fermyon_spin_llm_2_0_0 as llm,
    fermyon_spin_variables_2_0_0 as variables_2,
    spin_key_value_key_value_3_0_0 as key_value_3,
    spin_variables_variables_3_0_0 as variables_3,
    wasi_cli_environment_0_3_0 as environment,
    wasi_cli_environment_0_3_0_rc_2026_03_15 as draft_environment,
    wasi_config_store_0_2_0_draft_2024_09_27 as config,
    wasi_filesystem_preopens_0_3_0 as preopens,
    wasi_filesystem_preopens_0_3_0_rc_2026_03_15 as draft_preopens,
    wasi_http_client_0_3_0 as client,
    wasi_http_client_0_3_0_rc_2026_03_15 as draft_client,
    wasi_http_types_0_3_0 as http,
    wasi_http_types_0_3_0_rc_2026_03_15 as draft_http,
    wasi_keyvalue_atomics_0_2_0_draft2 as atomics,
    wasi_keyvalue_batch_0_2_0_draft2 as batch,
    wasi_keyvalue_store_0_2_0_draft2 as keyvalue,
)

# Bytes that are read at a time.
CHUNK_BYTES = 64 * 1024


class HttpHandler(Base):
    async def handle(self, request):
        target = request.get_path_with_query()
        what = target.rsplit("/", 1)[1]
        if what == "body":
            reader, trailers = http.Request.consume_body(request, _done())
            return respond(reader)
        if what == "hash":
            return answer(await hashed(request))
        if what == "grants":
            return answer(await grants(request))
        misbehave(what)
        if what == "never":
            print("never")
            writer, reader = wit.byte_stream()
            with writer:
                await reader.read(1)
        return answer(
            {
                "method": type(request.get_method()).__name__.removeprefix("Method_").upper(),
                "target": target,
                "headers": [
                    [name, str(value, "utf-8")] for name, value in request.get_headers().copy_all()
                ],
            }
        )


def misbehave(what):
    if what == "raise":
        raise RuntimeError("as asked")
    if what == "abort":
        os.abort()
    if what == "absent":
        llm.infer("llama2-chat", "What is the time?", None)


async def hashed(request):
    digest = hashlib.sha256()
    length = 0
    reader, trailers = http.Request.consume_body(request, _done())
    with reader:
        while not reader.writer_dropped:
            chunk = await reader.read(CHUNK_BYTES)
            digest.update(chunk)
            length += len(chunk)
    return {"bytes": length, "sha256": digest.hexdigest()}


async def grants(request):
    """Everything that a manifest grants. The request says in fields what to look for."""
    fields = {name: str(value, "utf-8") for name, value in request.get_headers().copy_all()}
    authority, variable, label = fields["x-authority"], fields["x-variable"], fields["x-store"]
    return {
        "environment": {
            "os": dict(os.environ),
            "0.3": dict(environment.get_environment()),
            "draft": dict(draft_environment.get_environment()),
        },
        "files": {
            "os": read("/granted.txt"),
            "0.3": [place for _, place in preopens.get_directories()],
            "draft": [place for _, place in draft_preopens.get_directories()],
        },
        "variables": {
            "3": await outcome(lambda: variables_3.get(variable)),
            "2": await outcome(lambda: variables_2.get(variable)),
            "config": await outcome(lambda: config.get(variable)),
            "all": await outcome(config.get_all),
        },
        "stores": {
            "3": await outcome(lambda: stored_3(label)),
            "2": await outcome(lambda: stored_2(label)),
            "keyvalue": await outcome(lambda: stored_keyvalue(label)),
        },
        "outbound": {
            "0.3": await outcome(lambda: fetch(http, client, authority)),
            "draft": await outcome(lambda: fetch(draft_http, draft_client, authority)),
        },
    }


async def outcome(call):
    """What a call gives, or the name of its error."""
    try:
        value = call()
        return await value if hasattr(value, "__await__") else value
    except Err as error:
        return f"error: {type(error.value).__name__}"


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        return f"error: {type(error).__name__}"


async def stored_3(label):
    with await key_value_3.Store.open(label) as store:
        await store.set("from-3", b"3")
        return str(await store.get("given"), "utf-8")


def stored_2(label):
    with key_value_2.Store.open(label) as store:
        store.set("from-2", b"2")
        store.set("gone", b"")
        store.delete("gone")
        there = store.exists("from-2"), store.exists("gone")
        return [str(store.get("given"), "utf-8"), store.get("gone"), *there, sorted(store.get_keys())]


def stored_keyvalue(label):
    with keyvalue.open(label) as bucket:
        bucket.set("from-keyvalue", b"kv")
        batch.set_many(bucket, [("many-1", b"1"), ("many-2", b"2")])
        batch.delete_many(bucket, ["many-2"])
        many = batch.get_many(bucket, ["many-1"])
        cas = atomics.Cas.new(bucket, "from-cas")
        atomics.swap(cas, b"swapped")
        return {
            "given": str(bucket.get("given"), "utf-8"),
            "many": [[key, value and str(value, "utf-8")] for key, value in many],
            "sum": [atomics.increment(bucket, "hits", 2), atomics.increment(bucket, "hits", 1)],
            "swapped": str(bucket.get("from-cas"), "utf-8"),
            "there": [bucket.exists("many-1"), bucket.exists("many-2")],
            "keys": sorted(bucket.list_keys(None).keys),
        }


async def fetch(types, client, authority):
    """The status of an answer, with the types and the client of one version of WASI."""
    request = types.Request.new(types.Fields(), None, _no_trailers(types), None)[0]
    request.set_scheme(types.Scheme_Http())
    request.set_authority(authority)
    request.set_path_with_query("/")
    return (await client.send(request)).get_status_code()


def answer(value):
    writer, reader = wit.byte_stream()
    componentize_py_async_support.spawn(_write(writer, json.dumps(value).encode()))
    return respond(reader)


def respond(body):
    return http.Response.new(http.Fields(), body, _no_trailers(http))[0]


async def _write(writer, content):
    with writer:
        await writer.write_all(content)


def _no_trailers(types):
    if types is draft_http:
        return wit.result_option_wasi_http_types_0_3_0_rc_2026_03_15_fields_wasi_http_types_0_3_0_rc_2026_03_15_error_code_future(
            lambda: Ok(None)
        )[1]
    return wit.result_option_wasi_http_types_0_3_0_fields_wasi_http_types_0_3_0_error_code_future(
        lambda: Ok(None)
    )[1]


def _done():
    return wit.result_unit_wasi_http_types_0_3_0_error_code_future(lambda: Ok(None))[1]

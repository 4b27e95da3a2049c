"""Validates by JSON Schema.

Is told {"schema", "documents": [...], "values": [[schema, value], ...]}, and answers
{"documents": [[what is wrong, ...], ...], "values": [whether it is valid, ...]}.
"""

import json
import sys

import jsonschema_rs

told = json.load(sys.stdin)
jsonschema_rs.meta.validate(told["schema"])
validator = jsonschema_rs.validator_for(told["schema"])
documents = [
    [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(document)]
    for document in told["documents"]
]
values = [jsonschema_rs.validator_for(schema).is_valid(value) for schema, value in told["values"]]
json.dump({"documents": documents, "values": values}, sys.stdout)

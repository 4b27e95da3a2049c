"""Reads manifests, and says what Kubernetes and its extensions would have against them.

Standard input is an object: each value is a text with documents in YAML, its key is what the text is called. The argument
is a folder with definitions of resources. Written is an object: "documents", with those of each text, and "problems".

What Kubernetes has itself is checked by `kubernetes-validate`, strictly: a field that it does not know is a problem. What an
extension has is checked by the schema in its definition, in which what is not described is not known either.
"""

import json
import pathlib
import sys

import jsonschema
import kubernetes_validate
import yaml

# Of Kubernetes, the newest and the oldest that people run.
VERSIONS = ["1.37", "1.33"]


# The one in C, where the package has it, is ten times as fast.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def documents(text):
    return [document for document in yaml.load_all(text, LOADER) if document is not None]


def closed(schema):
    """The schema, with what it does not describe forbidden, as `kubectl` with strict validation does."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: closed(part) for key, part in schema.items()}
    open_ended = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
    if schema.get("type") == "object" and "properties" in schema and not open_ended:
        schema["additionalProperties"] = False
    return schema


def definitions(folder):
    """The schema of each version of each kind."""
    found = {}
    for path in sorted(pathlib.Path(folder).glob("*.yaml")):
        for definition in documents(path.read_text()):
            spec = definition["spec"]
            for version in spec["versions"]:
                kind = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
                found[kind] = closed(version["schema"]["openAPIV3Schema"])
    return found


def problems(document, extensions):
    kind = (document["apiVersion"], document["kind"])
    if kind in extensions:
        validator = jsonschema.Draft202012Validator(extensions[kind])
        for error in validator.iter_errors(document):
            yield f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}"
        except kubernetes_validate.SchemaNotFoundError as error:
            yield f"Kubernetes {version} has no {error.kind} of {error.api_version}"


def main():
    extensions = definitions(sys.argv[1])
    told = {"documents": {}, "problems": []}
    for name, text in json.load(sys.stdin).items():
        found = told["documents"][name] = documents(text)
        for document in found:
            where = f"{name}: {document.get('kind')} {document.get('metadata', {}).get('name')}"
            told["problems"] += [f"{where}: {problem}" for problem in problems(document, extensions)]
    json.dump(told, sys.stdout)


main()

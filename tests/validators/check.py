"""Holds files to their formats by validators that others wrote: check.py JUNIT-SCHEMA OSCAL-SCHEMA [FORMAT FILE]...

A schema that is not there is `-`. Prints a list of lists in JSON: what is wrong with each file.
"""

import json
import sys


def junit(path, schema):
    from junitparser import JUnitXml
    from lxml import etree

    xsd = etree.XMLSchema(etree.parse(schema))
    if not xsd.validate(etree.parse(path)):
        return [str(error) for error in xsd.error_log]
    JUnitXml.fromfile(path)
    return []


def schema_errors(schema, document):
    import jsonschema_rs

    return [f"{error.instance_path}: {error.message[:500]}" for error in jsonschema_rs.validator_for(schema).iter_errors(document)]


def oscal(path, schema):
    import pathlib

    from trestle.oscal.assessment_results import AssessmentResults
    from trestle.oscal.poam import PlanOfActionAndMilestones

    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    models = {"assessment-results": AssessmentResults, "plan-of-action-and-milestones": PlanOfActionAndMilestones}
    (key,) = (key for key in document if key != "$schema")
    models[key].oscal_read(pathlib.Path(path))
    if schema is None:
        return []
    with open(schema, encoding="utf-8") as file:
        return schema_errors(json.load(file), document)


def cyclonedx(path, _):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    with open(path, encoding="utf-8") as file:
        error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read())
    return [str(error)[:2000]] if error else []


def spdx(path, _):
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    document = parse_file(path)
    return [f"{message.context.parent_id}: {message.validation_message}" for message in validate_full_spdx_document(document)]


def ocsf(path, _):
    from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

    schemas = OcsfJsonSchemaEmbedded(get_ocsf_schema("1.8.0"))
    classes = {}
    errors = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            event = json.loads(line)
            uid, profiles = event["class_uid"], event["metadata"].get("profiles", [])
            key = (uid, tuple(profiles))
            if key not in classes:
                classes[key] = schemas.get_class_schema(schemas.lookup_class_name_from_uid(uid), profiles)
            errors += [f"line {number}: {error}" for error in schema_errors(classes[key], event)]
    return errors


def intoto(path, _):
    from google.protobuf import json_format
    from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
    from in_toto_attestation.v1 import resource_descriptor, statement, statement_pb2

    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    parsed = json_format.ParseDict(document, statement_pb2.Statement())
    statement.Statement.copy_from_pb(parsed).validate()
    predicate = json_format.ParseDict(document["predicate"], test_result_pb2.TestResult())
    if predicate.result not in ("PASSED", "WARNED", "FAILED"):
        return [f"the result is {predicate.result!r}"]
    if not predicate.configuration:
        return ["there is no configuration"]
    for configuration in predicate.configuration:
        resource_descriptor.ResourceDescriptor.copy_from_pb(configuration).validate()
    return []


CHECKS = {
    "junit": junit, "oscal-ar": oscal, "oscal-poam": oscal, "cyclonedx": cyclonedx, "spdx": spdx, "ocsf": ocsf,
    "intoto": intoto,
}


def check(name, path, schema):
    try:
        return CHECKS[name](path, schema)[:20]
    except Exception as error:  # whatever a validator throws is what it says of the file
        return [f"{type(error).__name__}: {str(error)[:3000]}"]


def main():
    junit_schema, oscal_schema, *files = sys.argv[1:]
    schemas = {"junit": junit_schema}
    if oscal_schema != "-":
        schemas |= {"oscal-ar": oscal_schema, "oscal-poam": oscal_schema}
    pairs = zip(files[::2], files[1::2])
    print(json.dumps([check(name, path, schemas.get(name)) for name, path in pairs]))


main()

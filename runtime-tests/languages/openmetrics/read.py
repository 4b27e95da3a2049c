"""Reads OpenMetrics from standard input, and writes its samples as JSON: name, labels, value, type of the metric."""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

samples = [
    [sample.name, sample.labels, sample.value, family.type]
    for family in text_string_to_metric_families(sys.stdin.buffer.read().decode("utf-8"))
    for sample in family.samples
]
json.dump(samples, sys.stdout)

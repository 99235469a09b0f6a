import collections
import gzip
import json

import pytest

from gemma_keras_ft.records import LyricRecord
from gemma_keras_ft.sources import read_records

Reading = collections.namedtuple("Reading", "records asides reasons items")


@pytest.fixture
def write(tmp_path):
    """Writes bytes, text or rows under the test's folder; packs `.gz` names."""

    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        if isinstance(content, str):
            content = content.encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


@pytest.fixture
def read():
    """Reads all of a source and parts records from set-asides."""

    def read(path, **arguments):
        items = list(read_records(path, **arguments))
        records = [item for item in items if isinstance(item, LyricRecord)]
        asides = [item for item in items if not isinstance(item, LyricRecord)]
        return Reading(records, asides, [aside.reason for aside in asides], items)

    return read

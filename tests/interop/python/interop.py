"""What avro, fastavro and msgpack have to do with the cases: they write samples of each, and check
those of others.

Usage: interop.py write|check CASES FOLDER

`write` makes one folder for each package below FOLDER. `check` reads one folder.
A sample is a line of hexadecimal digits.
"""

import datetime
import decimal
import io
import json
import sys
import uuid
import warnings
from pathlib import Path

import avro.errors
import avro.io
import avro.schema
import fastavro
import fastavro.schema
import msgpack


class AvroCase:
    """A writer's schema with values, and perhaps a reader's with what it makes of them."""

    def __init__(self, folder):
        self.name = folder.name
        self.writer = load(folder / "writer.avsc")
        self.values = load(folder / "values.json")
        self.reader, self.resolved = self.writer, self.values
        if (folder / "reader.avsc").exists():
            self.reader = load(folder / "reader.avsc")
            self.resolved = load(folder / "resolved.json")

    def write(self, package, folder):
        native = Native(self.writer, package)
        bare = [package.encode(self.writer, native.of(self.writer, it)) for it in self.values]
        marker = b"\xc3\x01" + package.fingerprint(self.writer)
        put(folder / f"{self.name}.bare.hex", bare)
        put(folder / f"{self.name}.single.hex", [marker + datum for datum in bare])
        return len(bare)

    def check(self, package, folder):
        if self.name in package.lacks:
            return 0
        marker = b"\xc3\x01" + package.fingerprint(self.writer)
        bare = take(folder / f"{self.name}.bare.hex")
        single = take(folder / f"{self.name}.single.hex")
        same([marker + datum for datum in bare], single, self.name, "framed values")
        native = Native(self.reader, package)
        for index, (expected, datum) in enumerate(zip(self.resolved, bare, strict=True)):
            expected = native.of(self.reader, expected)
            decoded = package.decode(self.writer, self.reader, datum)
            same(expected, decoded, self.name, f"value {index}")
        return len(bare)


class Native:
    """Makes of Avro's JSON encoding what a package takes and returns."""

    def __init__(self, schema, package):
        self.package = package
        self.named = {}
        self.learn(schema)

    def learn(self, schema):
        """Finds the named types; those of the cases all have the one namespace of the root."""
        if isinstance(schema, list):
            for branch in schema:
                self.learn(branch)
        if isinstance(schema, dict):
            if "name" in schema:
                self.named[schema["name"]] = schema
            for field in schema.get("fields", []):
                self.learn(field["type"])
            self.learn(schema.get("items"))
            self.learn(schema.get("values"))

    def of(self, schema, value):
        if isinstance(schema, list):
            return self.branch(schema, value)
        if isinstance(schema, str):
            schema = self.named.get(schema, {"type": schema})
        kind = schema["type"]
        if isinstance(kind, (dict, list)):
            return self.of(kind, value)
        if kind == "record":
            fields = schema["fields"]
            return {field["name"]: self.of(field["type"], value[field["name"]]) for field in fields}
        if kind == "array":
            return [self.of(schema["items"], item) for item in value]
        if kind == "map":
            return {key: self.of(schema["values"], item) for key, item in value.items()}
        if kind in ("bytes", "fixed"):
            value = value.encode("latin-1")
        logical = f"{kind} {schema.get('logicalType')}"
        return LOGICAL[logical](schema, value) if logical in self.package.logical else value

    def branch(self, schema, value):
        if value is None:
            return None
        ((name, value),) = value.items()
        kinds = [it["type"] if isinstance(it, dict) and "name" not in it else it for it in schema]
        names = [it["name"] if isinstance(it, dict) else it for it in kinds]
        return self.of(schema[names.index(name.split(".")[-1])], value)


def decimal_of(schema, value):
    unscaled = int.from_bytes(value, "big", signed=True)
    return decimal.Decimal(unscaled).scaleb(-schema["scale"])


def time_of(micros):
    return (datetime.datetime.min + datetime.timedelta(microseconds=micros)).time()


EPOCH = datetime.datetime(1970, 1, 1)
INSTANT_EPOCH = EPOCH.replace(tzinfo=datetime.timezone.utc)

LOGICAL = {
    "bytes decimal": decimal_of,
    "fixed decimal": decimal_of,
    "string uuid": lambda _, it: uuid.UUID(it),
    "int date": lambda _, it: EPOCH.date() + datetime.timedelta(days=it),
    "int time-millis": lambda _, it: time_of(1000 * it),
    "long time-micros": lambda _, it: time_of(it),
    "long timestamp-millis": lambda _, it: INSTANT_EPOCH + datetime.timedelta(milliseconds=it),
    "long timestamp-micros": lambda _, it: INSTANT_EPOCH + datetime.timedelta(microseconds=it),
    "long local-timestamp-millis": lambda _, it: EPOCH + datetime.timedelta(milliseconds=it),
    "long local-timestamp-micros": lambda _, it: EPOCH + datetime.timedelta(microseconds=it),
}


class Avro:
    """The package of the Avro project itself."""

    name = "avro"
    # It resolves no aliases, and no symbols that the reader does not know.
    lacks = {"aliases", "enum_default"}
    # It knows no local times, and takes and returns a UUID as its text.
    logical = {it for it in LOGICAL if "local" not in it and "uuid" not in it}

    @staticmethod
    def encode(schema, value):
        out = io.BytesIO()
        writer = avro.io.DatumWriter(parse(schema))
        writer.write(value, avro.io.BinaryEncoder(out))
        return out.getvalue()

    @staticmethod
    def decode(writer, reader, datum):
        source = io.BytesIO(datum)
        decoded = avro.io.DatumReader(parse(writer), parse(reader)).read(avro.io.BinaryDecoder(source))
        same(b"", source.read(), "avro", "rest of the datum")
        return decoded

    @staticmethod
    def fingerprint(schema):
        """It knows no frames, and its canonical form keeps the braces around logical types."""
        return FastAvro.fingerprint(schema)


class FastAvro:
    """The faster one, which has its own parser."""

    name = "fastavro"
    lacks = set()
    logical = set(LOGICAL)

    @staticmethod
    def encode(schema, value):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, value)
        return out.getvalue()

    @staticmethod
    def decode(writer, reader, datum):
        source = io.BytesIO(datum)
        decoded = fastavro.schemaless_reader(source, writer, reader)
        same(b"", source.read(), "fastavro", "rest of the datum")
        return decoded

    @staticmethod
    def fingerprint(schema):
        canonical = fastavro.schema.to_parsing_canonical_form(schema)
        return bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))


class MessagePack:
    """Values as maps by name, and as arrays."""

    def __init__(self, folder):
        self.values = load(folder / "values.json")

    def forms(self):
        return (
            ("named", [native(value, dict) for value in self.values]),
            ("compact", [native(value, lambda pairs: [it for _, it in pairs]) for value in self.values]),
        )

    def write(self, folder):
        for form, expected in self.forms():
            put(folder / f"message_pack.{form}.hex", [msgpack.packb(value) for value in expected])
        return 2 * len(self.values)

    def check(self, folder):
        for form, expected in self.forms():
            bodies = take(folder / f"message_pack.{form}.hex")
            for index, (value, body) in enumerate(zip(expected, bodies, strict=True)):
                same(value, msgpack.unpackb(body), form, f"value {index}")
        return 2 * len(self.values)


def parse(schema):
    return avro.schema.parse(json.dumps(schema))


def load(file):
    return json.loads(file.read_text())


def native(value, record):
    """Makes of JSON what msgpack packs; `record` says what a record becomes."""
    if isinstance(value, list):
        return [native(item, record) for item in value]
    if not isinstance(value, dict):
        return value
    if "$bytes" in value:
        return bytes.fromhex(value["$bytes"])
    if "$map" in value:
        return {key: native(item, record) for key, item in value["$map"].items()}
    return record([(key, native(item, record)) for key, item in value.items()])


def put(file, bodies):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(body.hex() + "\n" for body in bodies))


def take(file):
    return [bytes.fromhex(line) for line in file.read_text().splitlines()]


def same(expected, actual, name, what):
    if expected != actual:
        sys.exit(f"{name}: {what}: expected {expected!r}, got {actual!r}")


def main():
    # What it takes as the plain type it need not warn about.
    warnings.simplefilter("ignore", avro.errors.IgnoredLogicalType)
    verb, cases, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    avro_cases = [AvroCase(case) for case in sorted((cases / "avro").iterdir())]
    for package in (Avro, FastAvro):
        own = folder / package.name if verb == "write" else folder
        count = sum(getattr(case, verb)(package, own) for case in avro_cases)
        print(f"python {package.name}: {verb}: {count} values")
    own = folder / "msgpack" if verb == "write" else folder
    count = getattr(MessagePack(cases / "message_pack"), verb)(own)
    print(f"python msgpack: {verb}: {count} values")


if __name__ == "__main__":
    main()

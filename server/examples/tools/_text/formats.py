"""Reading and writing the formats of ``transform_data``, all bounded in size and depth."""

import csv
import io
import json
import math
from collections.abc import Callable
from datetime import date, time
from typing import Any, Final, Literal

from server.examples.tools._text.fields import MAX_WRITTEN_CHARS, FormatError, Target, reshape

MAX_CHARS: Final = 200_000
MAX_DEPTH: Final = 64

Source = Literal["json", "jsonl", "yaml", "csv", "toml"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def convert(  # noqa: PLR0917 - the tool's own arguments
    text: str,
    source: Source,
    target: Target,
    select: list[str] | None,
    rename: dict[str, str],
    escape_formulas: bool,
) -> tuple[int | None, str]:
    """How many records there are, None if it is one object, and the converted text.

    It is for a process of its own: a small TOML can ask for gigabytes while it is parsed.
    """
    value = reshape(read(text, source), target, select, rename)
    written = write(value, target, escape_formulas=escape_formulas)
    return len(value) if isinstance(value, list) else None, written


def read(text: str, source: Source) -> Any:
    """`text` as plain values: dict, list, str, int, float, bool, None.

    Raises:
        FormatError: it is not in that format, or too large or deep.
    """
    if len(text) > MAX_CHARS:
        raise FormatError(f"The data has {len(text):,} characters; at most {MAX_CHARS:,} are read.")
    try:
        value = _READERS[source](text)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:  # of json, tomllib, csv, float and int alike
        raise FormatError(
            f"The data is not {source}: {error}. Correct it and try again."
        ) from error
    return _plain(value)


def write(value: Any, target: Target, *, escape_formulas: bool = True) -> str:
    """`value` in the format `target`. Raises ``FormatError`` if it does not fit in there."""
    if target in ("jsonl", "csv") and not isinstance(value, list):
        raise FormatError(
            f"{target} holds a list, but the data is one {_kind(value)}. Choose json."
        )
    if target == "json":
        text = json.dumps(value, ensure_ascii=False, indent=2)
    elif target == "yaml":
        text = _write_yaml(value)
    elif target == "jsonl":
        text = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in value)
    else:
        text = _write_csv(value, escape_formulas)
    if len(text) > MAX_WRITTEN_CHARS:
        raise FormatError(
            f"As {target} the data has {len(text):,} characters; at most {MAX_WRITTEN_CHARS:,} "
            "are written. Select fewer fields, or convert a part at a time."
        )
    return text


def _read_json(text: str) -> Any:
    return json.loads(text, parse_constant=_not_json)


def _not_json(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _read_jsonl(text: str) -> list[Any]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                found.append(_read_json(line))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from error
    return found


def _read_yaml(text: str) -> Any:
    """YAML 1.1 as PyYAML reads it, safe tags only; no aliases: a few could stand for terabytes."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    try:
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.AliasEvent):
                raise FormatError(
                    f"The YAML refers back to an anchor (*{event.anchor}), which is not read. "
                    "Write the value out."
                )
            if isinstance(event, (yaml.CollectionStartEvent, yaml.CollectionEndEvent)):
                depth += 1 if isinstance(event, yaml.CollectionStartEvent) else -1
                if depth > MAX_DEPTH:
                    raise _too_deep()
        return yaml.load(text, Loader=loader)  # noqa: S506 - it is a safe loader
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())[:300]) from error


def _read_csv(text: str) -> list[dict[str, str]]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(rows, None)
        if not header:
            return []
        if len(set(header)) < len(header):
            raise ValueError("two columns have the same name")
        records = []
        for row in rows:
            if len(row) not in (0, len(header)):
                raise ValueError(
                    f"line {rows.line_num} has {len(row)} values, the header has {len(header)}"
                )
            if row:
                records.append(dict(zip(header, row, strict=True)))
    except csv.Error as error:
        raise ValueError(f"line {rows.line_num}: {error}") from error
    return records


def _read_toml(text: str) -> Any:
    import tomllib

    return tomllib.loads(text)


_READERS: dict[Source, Callable[[str], Any]] = {
    "json": _read_json,
    "jsonl": _read_jsonl,
    "yaml": _read_yaml,
    "csv": _read_csv,
    "toml": _read_toml,
}


def _plain(value: Any, depth: int = 0) -> Any:
    """Only what JSON has: dates become text, keys become text, nothing is infinite."""
    if depth > MAX_DEPTH:
        raise _too_deep()
    if isinstance(value, dict):
        plain = {_key(key): _plain(item, depth + 1) for key, item in value.items()}
        if len(plain) < len(value):
            raise FormatError("Two keys of one object are the same as text. Give each its own.")
        return plain
    if isinstance(value, (list, tuple, set)):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, bytes):
        raise FormatError(
            "The data holds binary values, which none of the formats can. Remove them."
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise FormatError(f"The data holds {value}, which JSON cannot. Use null.")
    return value


def _key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(_plain(key))


def _write_yaml(value: Any) -> str:
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(value, Dumper=dumper, allow_unicode=True, sort_keys=False)
    return text


def _write_csv(records: list[Any], escape_formulas: bool) -> str:
    columns: dict[str, None] = {}
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict):
            raise FormatError(f"csv holds objects, but record {number} is a {_kind(record)}.")
        for field, value in record.items():
            if isinstance(value, (dict, list)):
                raise FormatError(
                    f"csv is flat, but record {number} has a {_kind(value)} in {field!r}. "
                    "select what is inside it ('address.city'), or choose json."
                )
        columns |= dict.fromkeys(record)
    if len(columns) * len(records) > MAX_WRITTEN_CHARS:
        raise FormatError(
            f"As csv the data has {len(columns):,} columns and {len(records):,} rows, mostly empty. "
            "select the fields that count, or choose json."
        )
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_cell(column, escape_formulas) for column in columns])
    for record in records:
        writer.writerow([_cell(record.get(column), escape_formulas) for column in columns])
    return out.getvalue()


def _cell(value: Any, escape_formulas: bool) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if escape_formulas and isinstance(value, str) and value.startswith(_FORMULA):
        return value if _is_number(value) else f"'{value}"
    return value


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and text.strip() == text
    except ValueError:
        return False


def _kind(value: Any) -> str:
    names = {dict: "object", list: "list", str: "text", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _too_deep() -> FormatError:
    return FormatError(f"The data is nested deeper than {MAX_DEPTH} levels. Flatten it.")

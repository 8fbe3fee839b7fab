"""Fields of the records that ``transform_data`` converts: which are kept, in which order and name."""

from typing import Any, Final, Literal

MAX_WRITTEN_CHARS: Final = 2_000_000

Target = Literal["json", "jsonl", "yaml", "csv"]  # the standard library writes no TOML


class FormatError(Exception):
    """The data cannot be read, shaped or written; the message is meant for the caller."""


def reshape(value: Any, target: Target, select: list[str] | None, rename: dict[str, str]) -> Any:
    """Keeps the fields in `select` and renames by `rename`, in an object or each of a list.

    Raises:
        FormatError: there is no object, or a field that none of the objects has.
    """
    if select is None and not rename:
        return value
    records = value if isinstance(value, list) else [value]
    if not all(isinstance(record, dict) for record in records):
        raise FormatError("select and rename apply to objects, but the data holds other values.")
    _check_size(records, target, select, rename)
    asked = [*(select or []), *([] if select else rename)]
    for field in asked:
        if records and all(_dig(record, field) is _MISSING for record in records):
            known = ", ".join(sorted({str(key) for record in records for key in record})[:30])
            raise FormatError(f"No record has the field {field!r}. There are: {known}.")
    shaped = [_shape(record, select, rename) for record in records]
    return shaped if isinstance(value, list) else shaped[0]


def _check_size(
    records: list[dict[str, Any]], target: Target, select: list[str] | None, rename: dict[str, str]
) -> None:
    """Refuses before the work what would be too large: each value takes its name and some signs.

    CSV writes a name once, and a separator with each value.
    """

    def least(name: str) -> int:
        return 1 if target == "csv" else len(rename.get(name, name)) + 4

    if select is None:
        size = sum(least(field) for record in records for field in rename if field in record)
    else:
        size = len(records) * sum(map(least, select))
    if size > MAX_WRITTEN_CHARS:
        raise FormatError(
            f"The {len(records):,} records would have {size:,} characters without their values; at "
            f"most {MAX_WRITTEN_CHARS:,} are written. Select fewer fields, give shorter names, or "
            "convert a part at a time."
        )


def _shape(
    record: dict[str, Any], select: list[str] | None, rename: dict[str, str]
) -> dict[str, Any]:
    if select is None:
        kept = record
    else:
        found = {field: _dig(record, field) for field in select}
        kept = {field: None if value is _MISSING else value for field, value in found.items()}
    shaped = {rename.get(field, field): value for field, value in kept.items()}
    if len(shaped) < len(kept):
        raise FormatError("After rename two fields have the same name. Give each its own.")
    return shaped


_MISSING: Final = object()


def _dig(record: Any, field: str) -> Any:
    if isinstance(record, dict) and field in record:
        return record[field]
    for part in field.split("."):
        if not isinstance(record, dict) or part not in record:
            return _MISSING
        record = record[part]
    return record

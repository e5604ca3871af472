"""The description of the JSON interface, for the store that is served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_TEXT = {"type": "string"}
# A part of what is a value; `#t`, `#j`, `#g`, `#v` and `#p` are for programs that have read /help/.
_VALUE_TEXT = {
    "type": "string",
    "pattern": "^([^#]|#s|#(none|true|false)$|#i-?[0-9]{1,300}$|#f-?[0-9]+(\\.[0-9]+)?$|"
    "#u[0-9a-fA-F]{32}$|#b([0-9a-f]{2})*$)",
    "description": "A value in its text encoding.",
}
_TUPLE = {
    "type": "array",
    "items": _TEXT,
    "description": "A tuple: its values in their text encoding.",
}
_NULLABLE = {"type": ["string", "null"]}
_ID = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_COUNT = {"type": "integer", "minimum": 0}
_FLAG = {"type": "boolean"}


_DESCRIPTION = """Versioned tuples. Ask with `Accept: application/json`, and send `Content-Type: application/json`.

Values are texts: `#none`, `#true`, `#false`, `#i42`, `#f3.14`, `#u` and a UUID, `#b` and hexadecimal digits, `#t` and a
JSON array. Any other text is itself, after `#s` where it is empty or begins with `#` or `_`."""


def _object(**properties: Any) -> dict[str, Any]:
    optional = [name for name in properties if name.endswith("__optional")]
    return {
        "type": "object",
        "properties": {
            name.replace("__optional", ""): schema for name, schema in properties.items()
        },
        "required": [name for name in properties if name not in optional],
    }


def _array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _query(
    name: str, description: str, schema: Any = _TEXT, *, required: bool = False
) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "required": required,
        "schema": schema,
    }


def _path(**operations: Any) -> dict[str, Any]:
    """What can be done at a path; HEAD wherever GET can."""
    if "get" in operations:
        operations["head"] = {**operations["get"], "responses": _answers(200, None)}
    return operations


_AFTER = _query("after", "The `next` of the page before.")
_AS_OF = _query(
    "as_of", "A change, after which; `-` and a change, before which; or a time, ISO 8601."
)
_VALUE = _query("v", "A value in its text encoding.", _VALUE_TEXT, required=True)
_UID = {"name": "uid", "in": "path", "required": True, "description": "A change.", "schema": _ID}


def describe(columns: Sequence[str]) -> dict[str, Any]:
    """The OpenAPI description.

    Args:
        columns: the names of the store's columns.

    Returns:
        The document, version 3.1.
    """
    items = {
        "type": "object",
        "properties": dict.fromkeys(columns, _VALUE_TEXT),
        "required": list(columns),
    }
    by_column = [
        _query(name, f"The value of {name}, `#?x` for a variable, nothing for anything.")
        for name in columns
    ]
    whole = [_query(name, f"The value of {name}.", _VALUE_TEXT, required=True) for name in columns]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "found-vnstore",
            "version": "1",
            "description": _DESCRIPTION,
        },
        "paths": {
            "/": _path(get=_get("What is in the store.", "Store")),
            "/history/": _path(get=_get("The changes, newest first.", "History", [_AFTER, _STATE])),
            "/history/change/": _path(
                get=_get("The fields of a new change.", "Fields"),
                post=_post("Make a change.", _described, 201, "Made"),
            ),
            "/history/u/{uid}/": _path(
                get=_get("A change, and what it says.", "Detail", [_UID, _AFTER])
            ),
            "/history/u/{uid}/message/": _path(
                get=_get("A change that is to be described.", "Described", [_UID]),
                post=_post(
                    "Give an open change another message and author.",
                    _described,
                    200,
                    "Made",
                    [_UID],
                ),
            ),
            "/history/u/{uid}/add/": _path(
                get=_get("A change that is to be added to.", "Described", [_UID, *by_column]),
                post=_post(
                    "Add a tuple to an open change; `_` is a new UUID.", items, 200, "Tuple", [_UID]
                ),
            ),
            "/history/u/{uid}/remove/": _path(
                get=_get(
                    "A change that a tuple is to be removed in.", "Described", [_UID, *by_column]
                ),
                post=_post("Remove a tuple in an open change.", items, 200, "Tuple", [_UID]),
            ),
            "/history/u/{uid}/apply/": _path(
                get=_get("What applying a change will do.", "Detail", [_UID]),
                post=_post(
                    "Make a change part of history. 409 when others have touched what it was built on.",
                    {
                        "type": "object",
                        "properties": {"force": {"type": "string", "enum": ["yes"]}},
                    },
                    200,
                    "Done",
                    [_UID],
                ),
            ),
            "/history/u/{uid}/revert/": _path(
                get=_get("What undoing an applied change is about.", "Detail", [_UID]),
                post=_post(
                    "Propose a change that undoes this one.", _authored, 201, "Made", [_UID]
                ),
            ),
            "/history/u/{uid}/restore/": _path(
                get=_get("The applied change to go back to.", "Detail", [_UID]),
                post=_post(
                    "Propose a change that goes back to right after this one.",
                    _authored,
                    201,
                    "Made",
                    [_UID],
                ),
            ),
            "/history/u/{uid}/abandon/": _path(
                get=_get("What abandoning an open change deletes.", "Detail", [_UID]),
                post=_post("Delete an open change.", {"type": "object"}, 200, "Done", [_UID]),
            ),
            "/navigate/": _path(
                get=_get("The tuples that match a pattern.", "Tuples", [*by_column, _AS_OF, _AFTER])
            ),
            "/value/": _path(get=_get("Where a value occurs.", "Occurrences", [_VALUE, _AS_OF])),
            "/tuple/": _path(get=_get("The history of a tuple.", "TupleHistory", whole)),
            "/graph/": _path(
                get=_get(
                    "The tuples whose first or last column is a value.",
                    "Neighbourhood",
                    [_VALUE, _AS_OF],
                )
            ),
        },
        "components": {"schemas": _SCHEMAS},
    }


_STATE = {
    "name": "state",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "enum": ["open", "applied"]},
}
_authored = {"type": "object", "properties": {"author": _TEXT}}
_described = {"type": "object", "properties": {"description": _TEXT, "author": _TEXT}}

_CHANGE = _object(
    id=_ID,
    state={"type": "string", "enum": ["open", "applied"]},
    message=_NULLABLE,
    author=_NULLABLE,
    created=_NULLABLE,
    applied=_NULLABLE,
)
_SIZED = {**_CHANGE["properties"], "added": _COUNT, "removed": _COUNT, "exact": _FLAG}

_SCHEMAS: dict[str, Any] = {
    "Error": _object(
        error=_TEXT, problems__optional={"type": "object", "additionalProperties": _TEXT}
    ),
    "Change": _CHANGE,
    "Described": _object(change=_schema("Change")),
    "Fields": _object(fields=_array(_TEXT)),
    "Made": _object(id=_ID),
    "Done": _object(id=_ID, state=_TEXT),
    "Tuple": _object(items=_TUPLE),
    "Store": _object(
        store=_object(name=_TEXT, prefix=_TEXT, columns=_array(_TEXT)),
        tuples=_COUNT,
        bytes=_COUNT,
        changes=_object(open=_COUNT, applied=_COUNT),
        exact=_FLAG,
        recent=_array(_schema("Change")),
    ),
    "History": _object(
        changes=_array({"type": "object", "properties": _SIZED, "required": list(_SIZED)}),
        next=_NULLABLE,
    ),
    "Edit": _object(items=_TUPLE, alive=_FLAG, was=_FLAG, replaces=_array(_TUPLE)),
    "Conflict": _object(items=_TUPLE, change=_ID, alive=_FLAG, how=_TEXT),
    "Detail": _object(
        change=_schema("Change"),
        added=_COUNT,
        removed=_COUNT,
        exact=_FLAG,
        edits=_array(_schema("Edit")),
        conflicts=_array(_schema("Conflict")),
        next=_NULLABLE,
    ),
    "Tuples": _object(
        columns=_array(_TEXT),
        pattern={"type": "object", "additionalProperties": _TEXT},
        as_of=_TEXT,
        tuples=_array(_TUPLE),
        next=_NULLABLE,
    ),
    "Occurrences": _object(
        value=_TEXT,
        as_of=_TEXT,
        places=_array(_object(column=_TEXT, tuples=_array(_TUPLE), more=_FLAG)),
    ),
    "TupleHistory": _object(
        items=_TUPLE, alive=_FLAG, history=_array(_object(change=_schema("Change"), alive=_FLAG))
    ),
    "Neighbourhood": _object(value=_TEXT, as_of=_TEXT, tuples=_array(_TUPLE), more=_FLAG),
}


def _get(summary: str, schema: str, parameters: Sequence[Any] = ()) -> dict[str, Any]:
    return _operation(summary, 200, _schema(schema), parameters)


def _post(
    summary: str, body: dict[str, Any], status: int, schema: str, parameters: Sequence[Any] = ()
) -> dict[str, Any]:
    return {
        **_operation(summary, status, _schema(schema), parameters),
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {**body, "additionalProperties": _TEXT}}},
        },
    }


def _operation(summary: str, status: int, schema: Any, parameters: Sequence[Any]) -> dict[str, Any]:
    return {
        "summary": summary,
        "parameters": list(parameters),
        "responses": _answers(status, schema),
    }


def _answers(status: int, schema: Any) -> dict[str, Any]:
    answer = {"description": "What was asked for."}
    wrong = {"description": "What was wrong."}
    if schema is None:
        return {str(status): answer, "4XX": wrong, "5XX": wrong}
    error = {**wrong, "content": {"application/json": {"schema": _schema("Error")}}}
    done = {**answer, "content": {"application/json": {"schema": schema}}}
    return {str(status): done, "4XX": error, "5XX": error}

"""Write message sets: requests for QuickBooks, answers for a simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from lxml import etree

from qbxml import leaves, tables
from qbxml.errors import InvalidRequest, Violation
from qbxml.ids import SET_ID_LENGTH
from qbxml.messages import ORDER, TEXT, Request, Ret, SetStatus, Status
from qbxml.mixed import members
from qbxml.negotiate import KNOWN
from qbxml.tables import Element, Shape
from qbxml.validate import validate

Node: TypeAlias = "etree._Element"

ON_ERROR = (
    "continueOnError",
    "stopOnError",
)  # rollbackOnError is in the XSD and not usable (qbXML semantics, 1)


def build(
    requests: Sequence[Request],
    *,
    version: str = "13.0",
    on_error: str = "continueOnError",
    new_message_set_id: str | None = None,
    old_message_set_id: str | None = None,
) -> str:
    """A complete request document in pure ASCII, its elements in QuickBooks' order.

    Nothing stands before the XML declaration, which QuickBooks would refuse. Set ids are for error
    recovery, at most 23 characters (qbXML semantics, section 1: status 9004). An empty set is allowed: it
    asks for, or clears, a stored answer. Raises InvalidRequest with everything that is wrong with the
    requests, ValueError for wrong set attributes.
    """
    _check_set(version, on_error, (new_message_set_id, old_message_set_id))
    violations = [found for request in requests for found in _judged(request, version)]
    if violations:
        raise InvalidRequest(violations)
    root = etree.Element("QBXML")
    attributes = {
        "onError": on_error,
        "newMessageSetID": new_message_set_id,
        "oldMessageSetID": old_message_set_id,
    }
    message_set = etree.SubElement(root, "QBXMLMsgsRq", _given(attributes))
    for request in requests:
        _append_request(message_set, request)
    return f'<?xml version="1.0"?><?qbxml version="{version}"?>' + _text(root)


def build_answer(
    responses: Sequence[tuple[Status, Sequence[Ret]]], *, set_status: SetStatus | None = None
) -> str:
    """An answer document as QuickBooks writes it, for simulators.

    Leaves may be given as formatted text ("2026-08-01T10:00:00-05:00" prints an offset). Raises ValueError
    for fields that the tables do not have and for characters that XML cannot hold.
    """
    root = etree.Element("QBXML")
    message_set = etree.SubElement(root, "QBXMLMsgsRs", _set_attributes(set_status or SetStatus()))
    for status, rets in responses:
        answer = etree.SubElement(message_set, status.name, _status_attributes(status))
        for ret in rets:
            _append_ret(answer, ret)
    return '<?xml version="1.0" ?>\n' + _text(root)


def _check_set(version: str, on_error: str, set_ids: tuple[str | None, str | None]) -> None:
    if version not in KNOWN:
        raise ValueError(f'"{version}" is not a qbXML version from 1.0 to 13.0')
    if on_error not in ON_ERROR:
        raise ValueError(f'onError cannot be "{on_error}", only {" or ".join(ON_ERROR)}')
    for set_id in set_ids:
        if set_id is not None and not 0 < len(set_id) <= SET_ID_LENGTH:
            raise ValueError(
                f'the message set id "{set_id}" must have 1 to {SET_ID_LENGTH} characters (status 9004)'
            )


def _judged(request: Request, version: str) -> Iterator[Violation]:
    return (replace(found, request_id=request.request_id) for found in validate(request, version))


def _append_request(parent: Node, request: Request) -> None:
    attributes = {**_given({"requestID": request.request_id}), **request.attributes}
    node = etree.SubElement(parent, request.name, attributes)
    _fill(node, tables.shape(request.name), request.values)


def _append_ret(answer: Node, ret: Ret) -> None:
    """A record below its answer element; an answer without a wrapper (ListDel) is filled directly."""
    shape = _known_shape(answer.tag)
    if ret.name == answer.tag:
        _fill(answer, shape, ret.values)
        return
    element = shape.by_name.get(ret.name)
    own = _known_shape(ret.name) if element is None else element.of
    _fill(etree.SubElement(answer, ret.name), own, ret.values)


def _known_shape(name: str) -> Shape:
    if not tables.has(name):
        raise ValueError(f"{name} does not exist in qbXML 13.0")
    return tables.shape(name)


def _fill(node: Node, shape: Shape, values: Mapping[str, Any]) -> None:
    for name, value in _children(shape, values):
        _append(node, shape.by_name[name], value)
    for key in values:
        if key.startswith("@"):
            node.set(key[1:], str(values[key]))


def _children(shape: Shape, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The children in schema order, the members of a mixed list in their told order."""
    mixed = shape.mixed if ORDER in values else frozenset()
    told = members(shape, values) if mixed else iter(())
    for name in _in_schema_order(shape, values):
        if name in mixed:
            yield from told  # all of them, at the place of the first
        elif shape.by_name[name].listed:
            yield from ((name, item) for item in values[name])
        else:
            yield name, values[name]


def _in_schema_order(shape: Shape, values: Mapping[str, Any]) -> list[str]:
    try:
        return sorted((name for name in values if name[0] not in "@#"), key=shape.place.__getitem__)
    except KeyError as error:
        raise ValueError(f"{shape.name} has no field {error.args[0]} in qbXML 13.0") from None


def _append(node: Node, element: Element, value: Any) -> None:
    child = etree.SubElement(node, element.name)
    if not element.is_leaf:
        _fill(child, element.of, value or {})
    elif isinstance(value, Mapping):
        _write_with_attributes(child, element, value)
    elif value != "":
        child.text = leaves.write(element.type, value)


def _write_with_attributes(child: Node, element: Element, value: Mapping[str, Any]) -> None:
    for key in value:
        if key.startswith("@"):
            child.set(key[1:], value[key])
    if value.get(TEXT, "") != "":
        child.text = leaves.write(element.type, value[TEXT])


def _given(attributes: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if value is not None}


def _set_attributes(set_status: SetStatus) -> dict[str, str]:
    code = None if set_status.code is None else str(set_status.code)
    return _given({"newMessageSetID": set_status.new_message_set_id, "messageSetStatusCode": code})


def _status_attributes(status: Status) -> dict[str, str]:
    def number(value: int | None) -> str | None:
        return None if value is None else str(value)

    return _given(
        {
            "requestID": status.request_id,
            "statusCode": str(status.code),
            "statusSeverity": status.severity,
            "statusMessage": status.message,
            "retCount": number(status.ret_count),
            "iteratorRemainingCount": number(status.iterator_remaining),
            "iteratorID": status.iterator_id,
        }
    )


def _text(root: Node) -> str:
    """ASCII with decimal references for every other character."""
    return etree.tostring(root, encoding="ascii", xml_declaration=False).decode("ascii")

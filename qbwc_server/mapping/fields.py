"""The vocabulary of one side: which fields exist and what each can hold.

Field lists come from outside (a CRM's describe, the qbXML field tables) in whatever class their maker has;
`ends` reads either spelling: .name or .path, .length or .max_length, .choices or .enum.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class EndField:
    """One field at one end of a rule. `since` is the qbXML version that brought it, None for always."""

    name: str
    type: str = ""
    length: int | None = None
    required: bool = False
    writable: bool = True
    repeatable: bool = False
    since: str | None = None
    choices: tuple[str, ...] = ()
    # The path by which a Mod of QuickBooks names it, where that differs from ...Ret and ...Add.
    in_mod: str | None = None


def ends(fields: Iterable[object]) -> Mapping[str, EndField]:
    """A field list by name, whatever class its items have."""
    return {end.name: end for end in map(_end, fields)}


def books_vocabulary(
    read: Sequence[object], add: Sequence[object] = (), mod: Sequence[object] = ()
) -> tuple[EndField, ...]:
    """What a ...Ret holds; writable is what the ...Add or the ...Mod of the object takes as well.

    What a Mod demands (ListID, EditSequence) only says which object is meant and is nothing to write.
    """
    added = ends(add)
    changed = {_of_ret(name): name for name, end in ends(mod).items() if not end.required}
    return tuple(
        replace(
            end,
            writable=name in added or name in changed,
            required=name in added and added[name].required,
            in_mod=changed[name] if changed.get(name, name) != name else None,
        )
        for name, end in ends(read).items()
    )


def _of_ret(path: str) -> str:
    """Aggregates of a Mod are called like those of the Add and the Ret, with Mod behind."""
    *above, leaf = path.split("/")
    return "/".join((*(name.removesuffix("Mod") for name in above), leaf))


def _end(field: object) -> EndField:
    if isinstance(field, EndField):
        return field
    length = _either(field, "length", "max_length")
    since = getattr(field, "since", None)
    return EndField(
        name=str(_either(field, "name", "path")),
        type=str(getattr(field, "type", "")),
        length=int(str(length)) if length else None,
        required=bool(getattr(field, "required", False)),
        writable=bool(getattr(field, "writable", True)),
        repeatable=bool(getattr(field, "repeatable", False)),
        since=str(since) if since else None,
        choices=tuple(getattr(field, "choices", None) or getattr(field, "enum", None) or ()),
    )


def _either(field: object, one: str, other: str) -> object:
    found = getattr(field, one, None)
    return found if found is not None else getattr(field, other, None)

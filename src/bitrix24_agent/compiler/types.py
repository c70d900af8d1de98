"""Map the vendor's type names to JSON types, formats and reference types."""

from __future__ import annotations

import re
from dataclasses import dataclass

# vendor type -> (JSON type, format)
KNOWN: dict[str, tuple[str, str | None]] = {
    "string": ("string", None),
    "str": ("string", None),
    "text": ("string", None),
    "char": ("string", None),
    "url": ("string", "url"),
    "email": ("string", "email"),
    "base64": ("string", "base64"),
    "html": ("string", "html"),
    "json": ("string", "json"),
    "enum": ("string", None),
    "y": ("string", "Y/N"),
    "n": ("string", "Y/N"),
    "integer": ("integer", None),
    "int": ("integer", None),
    "timestamp": ("integer", "unix seconds"),
    "double": ("number", None),
    "float": ("number", None),
    "number": ("number", None),
    "decimal": ("number", None),
    "boolean": ("boolean", None),
    "bool": ("boolean", None),
    "date": ("string", "date"),
    "datetime": ("string", "datetime"),
    "time": ("string", "time"),
    "array": ("array", None),
    "list": ("array", None),
    "object": ("object", None),
    "struct": ("object", None),
    "hash": ("object", None),
    "any": ("any", None),
    "mixed": ("any", None),
    "unknown": ("any", None),
    "callable": ("any", None),
    "function": ("any", None),
}

# Reference types whose JSON type the name alone does not tell.
_REFERENCES: dict[str, str] = {
    "user": "integer",
    "file": "any",
    "diskfile": "any",
    "attached_diskfile": "any",
    "product_file": "any",
    "lang_map": "object",
    "location": "string",
    "crm_status": "string",
    "crm_currency": "string",
    "crm_category": "integer",
    "crm_company": "integer",
    "crm_contact": "integer",
    "crm_lead": "integer",
    "crm_deal": "integer",
    "crm_quote": "integer",
    "crm_entity": "integer",
    "crm_multifield": "object[]",
    "crm_enum_activitytype": "integer",
    "crm_enum_activitystatus": "integer",
    "crm_enum_activitypriority": "integer",
    "crm_enum_activitynotifytype": "integer",
    "crm_enum_contenttype": "integer",
    "crm_enum_activitydirection": "integer",
    "crm_enum_ownertype": "integer",
    "userfieldentityid": "string",
    "uf_enum_element": "object",
    "textwithtranslation": "any",
    "money": "string",
}
_DROPPED = {"null", "undefined", "none", "void"}
_STRING_PARTS = {"code", "symbol", "currency", "lid", "xmlid", "name", "action_file", "type"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What a vendor type means: JSON type, format and reference type."""

    type: str
    format: str | None = None
    ref: str | None = None


def resolve(vendor: tuple[str, ...]) -> Typed:
    """Return the JSON type of a cell that names *vendor* types; several become alternatives."""
    kinds: list[str] = []
    formats: list[str] = []
    refs: list[str] = []
    for name in vendor:
        one = _one(name)
        if one is None:
            continue
        for kind in one.type.split("|"):
            if kind not in kinds:
                kinds.append(kind)
        if one.format and one.format not in formats:
            formats.append(one.format)
        if one.ref and one.ref not in refs:
            refs.append(one.ref)
    if not kinds or "any" in kinds:
        kinds = ["any"]
    if "number" in kinds and "integer" in kinds:
        kinds.remove("integer")
    if "array" in kinds:
        kinds = [k for k in kinds if not k.endswith("[]")]
    return Typed(
        type="|".join(kinds), format=", ".join(formats) or None, ref=", ".join(refs) or None
    )


def _one(name: str) -> Typed | None:
    name = name.strip().strip("`* ")
    generic = re.fullmatch(r"(?:array|list)<(.+)>", name, re.IGNORECASE)
    if generic:
        name = generic[1] + "[]"
    low = name.lower()
    if not low or low in _DROPPED:
        return None
    if low.endswith("[]"):
        inner = _one(name[:-2])
        if inner is None:
            return Typed(type="array")
        kind = inner.type
        return Typed(
            type=kind if kind.endswith("[]") and inner.ref == "crm_multifield" else _array(kind),
            format=inner.format,
            ref=inner.ref,
        )
    if low in KNOWN:
        kind, form = KNOWN[low]
        return Typed(type=kind, format=form)
    if low in _REFERENCES:
        return Typed(type=_REFERENCES[low], ref=name)
    if "." in low:  # catalog_product.id, crm_currency.CURRENCY
        last = low.rsplit(".", 1)[1]
        return Typed(type="string" if last in _STRING_PARTS else "integer", ref=name)
    return Typed(type="object", ref=name)


def _array(kind: str) -> str:
    return (
        "array" if kind in {"any", "array"} or "|" in kind or kind.endswith("[]") else f"{kind}[]"
    )

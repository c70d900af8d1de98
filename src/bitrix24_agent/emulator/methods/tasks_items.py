"""Checklists and comments of tasks: methods that read their parameters by order, not by name.

Source: api-reference/tasks/checklist-item/*.md, api-reference/tasks/comment-item/*.md,
settings/how-to-call-rest-api/data-encoding.md @ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments, work
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Visit, as_int, is_yes, method

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitrix24_agent.model import Json, Row

# kind -> (what it is called in the text, how it is recognised)
_KINDS: dict[str, tuple[str, Callable[[Json], bool]]] = {
    "int": ("integer", lambda value: str(value).isdigit()),
    "map": ("array", lambda value: isinstance(value, dict | list)),
    "map?": ("array", lambda value: isinstance(value, dict | list) or value in ("", None)),
}


def _arguments(visit: Visit, call: str, *wanted: tuple[str, str]) -> list[Json]:
    """Return the arguments in order; kinds of *wanted* ending in ``?`` may be left out.

    Raises:
        Refusal: WRONG_ARGUMENTS, when one is missing, of another type, or one too many.
    """
    given = visit.args
    if len(given) > len(wanted):
        raise _wrong(f"Too many arguments given for method {call}()")
    found: list[Json] = []
    for position, (name, kind) in enumerate(wanted):
        if position >= len(given):
            if kind.endswith("?"):
                found.append(None)
                continue
            raise _wrong(f"Param #{position} ({name}) expected by method {call}(), but not given")
        label, fits = _KINDS[kind]
        if not fits(given[position]):
            raise _wrong(
                f'Param #{position} ({name}) for method {call}() expected to be of type "{label}", '
                "but given something else"
            )
        found.append(int(given[position]) if kind == "int" else given[position])
    return found


def _wrong(text: str) -> Refusal:
    return Refusal("ERROR_CORE", f"TASKS_ERROR_EXCEPTION_#256; {text}.; 256/TE/WRONG_ARGUMENTS<br>")


def _failed(text: str) -> Refusal:
    return Refusal(
        "ERROR_CORE", f"TASKS_ERROR_EXCEPTION_#8; {text}; 8/TE/ACTION_FAILED_TO_BE_PROCESSED<br>"
    )


def _task(visit: Visit, key: int, *, edit: bool, text: str) -> Row:
    row = visit.world.tasks.get(key)
    allowed = work.may_edit if edit else work.may_read
    if row is None or not allowed(visit, row):
        raise _failed(text)
    return row


@method("task.checklistitem.getlist", scope="task")
def checklist_list(visit: Visit) -> Json:
    """Items of a task's checklist."""
    task, _order = _arguments(
        visit, "ctaskchecklistitem::getlist", ("taskId", "int"), ("arOrder", "map?")
    )
    row = _task(visit, task, edit=False, text="Action failed")
    return [_item(one) for one in visit.world.checklist.where(TASK_ID=row["ID"])]


@method("task.checklistitem.add", scope="task", writes=True)
def checklist_add(visit: Visit) -> Json:
    """A new item; the answer is its id."""
    task, fields = _arguments(
        visit, "ctaskchecklistitem::add", ("taskId", "int"), ("arFields", "map")
    )
    row = _task(visit, task, edit=True, text="Adding item: action not allowed")
    title = str(fields.get("TITLE") or "") if isinstance(fields, dict) else ""
    if not title:
        raise _failed("Item name not specified")
    return visit.world.checklist.add(
        {
            "TASK_ID": row["ID"],
            "TITLE": title,
            "PARENT_ID": as_int(fields.get("PARENT_ID"), 0),
            "IS_COMPLETE": "Y" if is_yes(fields.get("IS_COMPLETE")) else "N",
            "IS_IMPORTANT": "Y" if is_yes(fields.get("IS_IMPORTANT")) else "N",
            "SORT_INDEX": as_int(fields.get("SORT_INDEX"), 0),
            "CREATED_BY": visit.user_id,
        }
    )


def _toggle(name: str, value: str) -> None:
    @method(f"task.checklistitem.{name}", scope="task", writes=True)
    def toggle(visit: Visit) -> Json:
        task, key = _arguments(
            visit, f"ctaskchecklistitem::{name}", ("taskId", "int"), ("itemId", "int")
        )
        row = _task(visit, task, edit=True, text="Action failed")
        item = visit.world.checklist.get(key)
        if item is None or item["TASK_ID"] != row["ID"]:
            raise _failed("Action failed")
        stamp = {"TOGGLED_BY": visit.user_id, "TOGGLED_DATE": visit.world.now()}
        visit.world.checklist.update(key, {"IS_COMPLETE": value, **stamp})
        return True


_toggle("complete", "Y")
_toggle("renew", "N")


@method("task.commentitem.getlist", scope="task")
def comment_list(visit: Visit) -> Json:
    """Comments of a task, oldest first."""
    task, _order, _filter = _arguments(
        visit,
        "ctaskcommentitem::getlist",
        ("taskId", "int"),
        ("arOrder", "map?"),
        ("arFilter", "map?"),
    )
    row = _task(visit, task, edit=False, text="Action failed")
    return [_comment(visit, one) for one in visit.world.task_comments.where(TASK_ID=row["ID"])]


@method("task.commentitem.add", scope="task", writes=True)
def comment_add(visit: Visit) -> Json:
    """A new comment; the answer is its id."""
    task, fields = _arguments(
        visit, "ctaskcommentitem::add", ("taskId", "int"), ("arFields", "map")
    )
    row = _task(visit, task, edit=False, text="Action failed")
    text = str(fields.get("POST_MESSAGE") or "") if isinstance(fields, dict) else ""
    if not text:
        raise _failed("Message text is empty")
    author = as_int(fields.get("AUTHOR_ID"), visit.user_id) if visit.is_admin else visit.user_id
    return visit.world.task_comments.add(
        {
            "TASK_ID": row["ID"],
            "AUTHOR_ID": author,
            "POST_DATE": visit.world.now(),
            "POST_MESSAGE": text,
        }
    )


def _item(row: Row) -> Row:
    toggled = row.get("TOGGLED_DATE")
    return {
        "ID": str(row["ID"]),
        "TASK_ID": str(row["TASK_ID"]),
        "PARENT_ID": str(row["PARENT_ID"]) if row["PARENT_ID"] else 0,
        "CREATED_BY": str(row.get("CREATED_BY", 1)),
        "TITLE": row["TITLE"],
        "SORT_INDEX": str(row.get("SORT_INDEX", 0)),
        "IS_COMPLETE": row["IS_COMPLETE"],
        "IS_IMPORTANT": row.get("IS_IMPORTANT", "N"),
        "TOGGLED_BY": str(row["TOGGLED_BY"]) if "TOGGLED_BY" in row else None,
        "TOGGLED_DATE": moments.iso(toggled) if toggled else "",
        "MEMBERS": [],
        "ATTACHMENTS": [],
    }


def _comment(visit: Visit, row: Row) -> Row:
    author = visit.world.user(row["AUTHOR_ID"]) or {"NAME": "", "LAST_NAME": ""}
    return {
        "POST_MESSAGE_HTML": None,
        "ID": str(row["ID"]),
        "AUTHOR_ID": str(row["AUTHOR_ID"]),
        "AUTHOR_NAME": f"{author['NAME']} {author['LAST_NAME']}",
        "AUTHOR_EMAIL": "",
        "POST_DATE": moments.iso(row["POST_DATE"]),
        "POST_MESSAGE": row["POST_MESSAGE"],
        "ATTACHED_OBJECTS": [],
    }
